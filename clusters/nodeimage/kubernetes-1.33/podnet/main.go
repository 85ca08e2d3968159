// podnet gives each node its pod network: a CNI configuration for its own pod CIDR, and one route
// to the pod CIDR of every other node. It runs on every node, watches the Node objects, and puts
// right whatever a restart, a new address or a new node changed.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// The protocol number marks our routes, so that stale ones are found and nobody else's are.
	protocol = 74
	resync   = 10 * time.Second
	conf     = "/etc/cni/net.d/10-podnet.conflist"
	format   = `{"cniVersion": "0.4.0", "name": "podnet", "plugins": [
  {"type": "ptp", "ipMasq": false, "mtu": 1500,
   "ipam": {"type": "host-local", "dataDir": "/run/podnet", "ranges": [[{"subnet": "%s"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`
)

func main() {
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(configuration()), resync)
	nodes := factory.Core().V1().Nodes()
	dirty := make(chan struct{}, 1)
	mark := func(any) {
		select {
		case dirty <- struct{}{}:
		default:
		}
	}
	nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: mark, DeleteFunc: mark, UpdateFunc: func(_, now any) { mark(now) },
	})
	factory.Start(nil)
	factory.WaitForCacheSync(nil)
	for range dirty {
		if err := settle(nodes.Lister(), os.Getenv("NODE_NAME")); err != nil {
			log.Print(err)
		}
	}
}

// configuration reaches the API server as the kubelet does, since kube-proxy may not run yet,
// but with the rights of our own service account.
func configuration() *rest.Config {
	kubelet, err := clientcmd.LoadFromFile("/etc/kubernetes/kubelet.conf")
	if err != nil {
		log.Fatal(err)
	}
	server := kubelet.Clusters[kubelet.Contexts[kubelet.CurrentContext].Cluster]
	return &rest.Config{
		Host:            server.Server,
		TLSClientConfig: rest.TLSClientConfig{CAData: server.CertificateAuthorityData},
		BearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
	}
}

func settle(lister listers.NodeLister, self string) error {
	nodes, err := lister.List(labels.Everything())
	if err != nil {
		return err
	}
	wanted := map[string]net.IP{}
	for _, node := range nodes {
		if node.Spec.PodCIDR == "" {
			continue
		}
		if node.Name == self {
			if err := configure(node.Spec.PodCIDR); err != nil {
				return err
			}
		} else if ip := address(node); ip != nil {
			wanted[node.Spec.PodCIDR] = ip
		}
	}
	return route(wanted)
}

func configure(cidr string) error {
	text := fmt.Appendf(nil, format, cidr)
	if now, err := os.ReadFile(conf); err == nil && bytes.Equal(now, text) {
		return nil
	}
	part := filepath.Join(filepath.Dir(conf), ".podnet")
	if err := os.WriteFile(part, text, 0o644); err != nil {
		return err
	}
	return os.Rename(part, conf)
}

func address(node *corev1.Node) net.IP {
	for _, found := range node.Status.Addresses {
		if found.Type == corev1.NodeInternalIP {
			return net.ParseIP(found.Address)
		}
	}
	return nil
}

func route(wanted map[string]net.IP) error {
	ours := &netlink.Route{Protocol: protocol}
	known, err := netlink.RouteListFiltered(netlink.FAMILY_V4, ours, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for _, old := range known {
		if ip, ok := wanted[old.Dst.String()]; !ok || !ip.Equal(old.Gw) {
			if err := netlink.RouteDel(&old); err != nil {
				return err
			}
		}
	}
	for cidr, ip := range wanted {
		_, subnet, err := net.ParseCIDR(cidr)
		if err != nil {
			return err
		}
		if err := netlink.RouteReplace(&netlink.Route{Dst: subnet, Gw: ip, Protocol: protocol}); err != nil {
			return err
		}
	}
	return nil
}
