package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	name     = "seatrial"
	ours     = "fuse." + name
	subpaths = "/volume-subpaths/" // the kubelet makes these anew whenever what is beneath has changed
	patience = 10 * time.Second
)

// A mounted is one line of /proc/PID/mountinfo. Source: proc(5).
type mounted struct {
	device, root, at, kind, source string
}

var unescaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func mounts(process string) ([]mounted, error) {
	text, err := os.ReadFile("/proc/" + process + "/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []mounted
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		for i := range words {
			if i > 5 && words[i] == "-" && len(words) > i+2 {
				found = append(found, mounted{
					words[2], unescaped.Replace(words[3]), unescaped.Replace(words[4]),
					words[i+1], unescaped.Replace(words[i+2]),
				})
				break
			}
		}
	}
	return found, nil
}

// at gives what a process has mounted at a path, the topmost if there are several.
func at(pid int, path string) (found mounted, err error) {
	there, err := mounts(strconv.Itoa(pid))
	if err != nil {
		return found, err
	}
	for _, one := range there {
		if one.at == filepath.Clean(path) {
			found, err = one, nil
		}
	}
	if found.at == "" {
		err = fmt.Errorf("process %d has no volume mounted at %s", pid, path)
	}
	return found, err
}

// folder finds what a process has mounted at a path, as this very namespace of mounts knows it.
func folder(pid int, path string) (string, error) {
	theirs, err := at(pid, path)
	if err != nil {
		return "", err
	}
	mine, err := mounts("self")
	if err != nil {
		return "", err
	}
	sort.SliceStable(mine, func(i, j int) bool { return len(mine[i].root) > len(mine[j].root) })
	for _, one := range mine {
		rest, within := strings.CutPrefix(theirs.root, strings.TrimSuffix(one.root, "/"))
		if one.device != theirs.device || !within || (rest != "" && rest[0] != '/') {
			continue
		}
		found := filepath.Join(one.at, rest)
		if !strings.Contains(found, subpaths) && same(found, inside(pid, path)) {
			return found, nil
		}
	}
	return "", fmt.Errorf("what process %d has at %s is no folder of this machine's", pid, path)
}

func inside(pid int, path string) string {
	return fmt.Sprintf("/proc/%d/root%s", pid, filepath.Clean(path))
}

func same(one, other string) bool {
	var a, b syscall.Stat_t
	seen := syscall.Stat(one, &a) == nil && syscall.Stat(other, &b) == nil
	return seen && a.Dev == b.Dev && a.Ino == b.Ino
}

// names gives what of ours is mounted in this namespace or in that of a process.
func names() map[string]bool {
	found := map[string]bool{}
	for _, process := range append([]string{"self"}, processes()...) {
		there, err := mounts(process)
		for _, one := range there {
			if err == nil && one.kind == ours {
				found[one.source] = true
			}
		}
	}
	return found
}

func processes() (found []string) {
	there, _ := filepath.Glob("/proc/[0-9]*")
	for _, one := range there {
		found = append(found, filepath.Base(one))
	}
	return found
}

// here gives where one of ours is mounted in this namespace, what was mounted last first.
func here(which string) []string {
	found := []string{}
	there, err := mounts("self")
	for i := len(there) - 1; err == nil && i >= 0; i-- {
		if there[i].kind == ours && there[i].source == which {
			found = append(found, there[i].at)
		}
	}
	return found
}

// seeing gives the processes outside of this namespace that have one of ours mounted.
func seeing(which string) []int {
	found := []int{}
	mine, _ := os.Readlink("/proc/self/ns/mnt")
	for _, process := range processes() {
		theirs, err := os.Readlink("/proc/" + process + "/ns/mnt")
		if err != nil || theirs == mine {
			continue
		}
		there, err := mounts(process)
		for _, one := range there {
			if err == nil && one.kind == ours && one.source == which {
				pid, _ := strconv.Atoi(process)
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// ended kills the containers that see one of ours: their first processes are children of shims.
func ended(which string) ([]int, error) {
	found := []int{}
	for _, pid := range seeing(which) {
		if !strings.HasPrefix(text(parent(pid), "comm"), "containerd-shim") {
			continue
		}
		if killed(pid, which) {
			found = append(found, pid)
		}
	}
	until := time.Now().Add(patience)
	for len(seeing(which)) > 0 {
		if time.Now().After(until) {
			return found, fmt.Errorf("processes %v still see %s", seeing(which), which)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return found, nil
}

// killed sends SIGKILL to exactly the process that was looked at: its number may be another's soon.
func killed(pid int, which string) bool {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(handle)
	there, err := mounts(strconv.Itoa(pid))
	for _, one := range there {
		if err == nil && one.kind == ours && one.source == which {
			return unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0) == nil
		}
	}
	return false
}

func parent(pid int) int {
	_, rest, _ := strings.Cut(text(pid, "stat"), ") ")
	words := strings.Fields(rest)
	if len(words) < 2 {
		return 0
	}
	found, _ := strconv.Atoi(words[1])
	return found
}

func text(pid int, file string) string {
	found, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	return string(found)
}

// loosened unmounts one of ours wherever this namespace has it; who uses it keeps it till the end.
func loosened(which string) ([]string, error) {
	found := here(which)
	for _, path := range found {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			return found, fmt.Errorf("unmount %s: %w", path, err)
		}
	}
	return found, nil
}
