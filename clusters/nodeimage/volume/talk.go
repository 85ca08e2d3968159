package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

var plain = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,199}$`)

// A reply is what a server answers: what it is now, or why not.
type reply struct {
	state
	Error string `json:"error,omitempty"`
}

func home() string {
	if found := os.Getenv("SEATRIAL_VOLUMES"); found != "" {
		return found
	}
	return "/run/seatrial-volumes"
}

// door gives the socket of a server; a path there may have no more than 107 characters.
func door(which string) string { return filepath.Join(home(), which+".sock") }

func tell(which string, words ...string) (found reply, err error) {
	line, err := net.DialTimeout("unix", door(which), patience)
	if err != nil {
		return found, err
	}
	defer line.Close()
	line.SetDeadline(time.Now().Add(patience))
	if _, err = fmt.Fprintln(line, strings.Join(words, " ")); err == nil {
		err = json.NewDecoder(line).Decode(&found)
	}
	if err == nil && found.Error != "" {
		err = errors.New(found.Error)
	}
	return found, err
}

// started runs the server of a name as a process of its own, and returns once it is mounted.
func started(which, path string) error {
	if err := os.MkdirAll(home(), 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(home(), which+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	ready, done, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	server := exec.Command("/proc/self/exe", "serve", which, path)
	server.Stdout, server.Stderr, server.ExtraFiles = log, log, []*os.File{done}
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = server.Start()
	done.Close()
	if err != nil {
		return err
	}
	if word, _ := bufio.NewReader(ready).ReadString('\n'); word != "ready\n" {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s could not be mounted: %s", path, strings.TrimSpace(string(said)))
	}
	return nil
}

// serve mounts over a folder and serves it till it is unmounted and nobody uses it any more.
func serve(words []string) (any, error) {
	which, path := words[0], words[1]
	if err := os.Chdir(path); err != nil {
		return nil, err
	}
	// Who creates a file has a mask of its own; ours must not be laid over it.
	syscall.Umask(0)
	d := newDisk()
	root, err := beneath(d)
	if err != nil {
		return nil, err
	}
	os.Remove(door(which))
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: door(which), Net: "unix"})
	if err != nil {
		return nil, err
	}
	// By the time we end, the door may be the next one's of this name.
	listener.SetUnlinkOnClose(false)
	defer listener.Close()
	server, err := fs.Mount(path, root.RootNode, options(which))
	if err != nil {
		return nil, err
	}
	go listen(listener, d)
	said := os.NewFile(3, "ready")
	fmt.Fprintln(said, "ready")
	said.Close()
	server.Wait()
	return d.state(), nil
}

// options has nothing remembered by the kernel: what is lost must be lost for whoever looks next.
func options(which string) *fs.Options {
	never := time.Duration(0)
	return &fs.Options{
		EntryTimeout: &never, AttrTimeout: &never, NegativeTimeout: &never,
		MountOptions: fuse.MountOptions{
			AllowOther: true, DirectMountStrict: true, FsName: which, Name: name,
			DirectMountFlags: syscall.MS_NODEV,
			Options:          []string{"default_permissions"},
			MaxWrite:         1 << 20, DisableReadDirPlus: true,
		},
	}
}

func listen(listener net.Listener, d *disk) {
	for {
		line, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer line.Close()
			line.SetDeadline(time.Now().Add(patience))
			said, err := bufio.NewReader(line).ReadString('\n')
			if err == nil {
				json.NewEncoder(line).Encode(answer(d, strings.Fields(said)))
			}
		}()
	}
}

func answer(d *disk, words []string) reply {
	err := errors.New("what is asked for is state, mode or drop")
	switch {
	case len(words) == 1 && words[0] == "state":
		err = nil
	case len(words) == 1 && words[0] == "drop":
		_, err = d.lose()
	case len(words) == 3 && words[0] == "mode":
		var share int
		if share, err = strconv.Atoi(words[2]); err == nil {
			err = d.become(words[1], share)
		}
	}
	if err != nil {
		return reply{d.state(), err.Error()}
	}
	return reply{state: d.state()}
}
