package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	probed   = ".seatrial-probe"
	unmarked = ".seatrial-unsynced"
	marked   = ".seatrial-synced"
	enough   = 4096
)

// A report is all there is to say of one name. `server` is whether it answers, `folders` are where
// it is mounted here, `seen` is who has it in another namespace.
type report struct {
	Name    string   `json:"name"`
	Server  bool     `json:"server"`
	Folders []string `json:"folders"`
	Seen    []int    `json:"seen"`
	state
}

func described(which string) report {
	said, err := tell(which, "state")
	return report{which, err == nil, here(which), seeing(which), said.state}
}

// mount stands over a process's volume; one that does so already is left as it is.
func mount(words []string) (any, error) {
	which, path := words[0], words[2]
	if !plain.MatchString(which) || len(door(which)) > 107 {
		return nil, fmt.Errorf("no name %q", which)
	}
	if found := described(which); found.Server && len(found.Folders) > 0 {
		return found, nil
	}
	pid, err := number(words[1])
	if err != nil {
		return nil, err
	}
	if _, err := loosened(which); err != nil {
		return nil, err
	}
	over, err := folder(pid, path)
	if err != nil {
		return nil, err
	}
	if err := started(which, over); err != nil {
		return nil, err
	}
	return described(which), nil
}

func mode(words []string) (any, error) {
	share := "100"
	if len(words) == 3 {
		share = words[2]
	}
	if _, err := tell(words[0], "mode", words[1], share); err != nil {
		return nil, err
	}
	return described(words[0]), nil
}

func status(words []string) (any, error) {
	found := []report{}
	for _, which := range asked(words) {
		found = append(found, described(which))
	}
	return found, nil
}

func asked(words []string) (found []string) {
	for which := range names() {
		if len(words) == 0 || words[0] == which {
			found = append(found, which)
		}
	}
	sort.Strings(found)
	return found
}

// A release is what unmounting came to: the folders that are as they were, the processes ended.
type release struct {
	Name    string   `json:"name"`
	Folders []string `json:"folders"`
	Ended   []int    `json:"ended"`
}

// unmount lets go of one name or of all, and ends the containers that see it: the kubelet starts
// them again on what was beneath. The first that fails is told after the others are done.
func unmount(words []string) (any, error) {
	found := []release{}
	var failed error
	for _, which := range asked(words) {
		one, err := released(which)
		if err != nil {
			failed = err
		}
		found = append(found, one)
	}
	return found, failed
}

func released(which string) (found release, err error) {
	found.Name = which
	// A dead server has no mode, and one whose power was cut keeps it: who wrote last must not go on.
	tell(which, "mode", normal, "100")
	if found.Folders, err = loosened(which); err != nil {
		return found, err
	}
	found.Ended, err = ended(which)
	for _, path := range found.Folders {
		for _, left := range []string{probed, unmarked, marked} {
			os.Remove(filepath.Join(path, left))
		}
	}
	return found, err
}

// A mounting is what a process has mounted at a path; `ours` is the name if it is one of ours.
type mounting struct {
	Kind   string `json:"kind"`
	Source string `json:"source"`
	Ours   string `json:"ours"`
}

func look(words []string) (any, error) {
	pid, err := number(words[0])
	if err != nil {
		return nil, err
	}
	return looked(pid, words[1])
}

func looked(pid int, path string) (mounting, error) {
	found, err := at(pid, path)
	if err != nil {
		return mounting{}, err
	}
	said := mounting{found.kind, found.source, ""}
	if found.kind == ours {
		said.Ours = found.source
	}
	return said, nil
}

// A tried is the first call of a probe that failed; both are empty when none did.
type tried struct {
	Call  string `json:"call"`
	Errno string `json:"errno"`
}

// probe makes a file where a process has its volume, writes, syncs and removes it.
func probe(words []string) (any, error) {
	pid, err := number(words[0])
	if err != nil {
		return nil, err
	}
	path := filepath.Join(inside(pid, words[1]), probed)
	defer os.Remove(path)
	return attempted(path)
}

func attempted(path string) (tried, error) {
	call, err := written(path, true)
	if err == nil {
		return tried{}, nil
	}
	if errno, ok := err.(unix.Errno); ok {
		return tried{call, unix.ErrnoName(errno)}, nil
	}
	return tried{}, err
}

// A refusal is what was seen right after a mode was set: what the process has mounted there, what
// became of a write of ours, what was refused by then.
type refusal struct {
	Mount   mounting       `json:"mount"`
	Tried   tried          `json:"tried"`
	Refused map[string]int `json:"refused"`
}

// refuse sets a mode and probes at once, by a folder that is open before: the process may be one
// that ends at the first error.
func refuse(words []string) (any, error) {
	pid, err := number(words[2])
	if err != nil {
		return nil, err
	}
	folder, err := unix.Open(inside(pid, words[3]), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(folder)
	found := refusal{}
	if found.Mount, err = looked(pid, words[3]); err != nil {
		return nil, err
	}
	if _, err = tell(words[0], "mode", words[1], "100"); err != nil {
		return nil, err
	}
	path := fmt.Sprintf("/proc/self/fd/%d/%s", folder, probed)
	defer os.Remove(path)
	if found.Tried, err = attempted(path); err != nil {
		return nil, err
	}
	said, err := tell(words[0], "state")
	found.Refused = said.Refused
	return found, err
}

func written(path string, sync bool) (string, error) {
	file, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return "open", err
	}
	defer unix.Close(file)
	if _, err := unix.Write(file, []byte(strings.Repeat("x", enough))); err != nil {
		return "write", err
	}
	if !sync {
		return "", nil
	}
	return "fsync", unix.Fsync(file)
}

// A fall is what a power cut took. `kept` and `gone` are the bytes left of two files of ours, one
// synced before and one not.
type fall struct {
	release
	Dropped loss `json:"dropped"`
	Synced  int  `json:"synced"`
	Kept    int  `json:"kept"`
	Gone    int  `json:"gone"`
}

// drop cuts the power of a process's volume: what was not synced is lost, and the process ended.
func drop(words []string) (any, error) {
	which, found := words[0], fall{}
	pid, err := number(words[1])
	if err != nil {
		return nil, err
	}
	there := inside(pid, words[2])
	for file, sync := range map[string]bool{unmarked: false, marked: true} {
		if call, err := written(filepath.Join(there, file), sync); err != nil {
			return nil, fmt.Errorf("%s %s: %w", call, file, err)
		}
	}
	said, err := tell(which, "drop")
	if err != nil {
		return nil, err
	}
	// Without the two files of ours.
	found.Dropped = loss{said.Dropped.Files - 1, said.Dropped.Bytes - enough}
	found.Synced = said.Synced - 1
	before := here(which)
	if _, err = loosened(which); err == nil && len(before) > 0 {
		lowest := before[len(before)-1]
		found.Kept, found.Gone = size(lowest, marked), size(lowest, unmarked)
	}
	found.release, err = released(which)
	found.Folders = before
	for _, path := range before {
		os.Remove(filepath.Join(path, unmarked))
		os.Remove(filepath.Join(path, marked))
	}
	return found, err
}

func size(path, file string) int {
	seen, err := os.Stat(filepath.Join(path, file))
	if err != nil {
		return -1
	}
	return int(seen.Size())
}
