// seatrial-volume stands between a pod and its volume. It mounts itself over the volume's folder,
// hands everything through to what lies beneath, and on request behaves like a disk that is full,
// went read-only, fails, or loses what nobody synced. Every word of it can be said again without
// harm; what is mounted is found by its type in /proc, so that nothing has to be remembered.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
)

const usage = `seatrial-volume mount NAME PID PATH     over the folder that the process PID has at PATH
seatrial-volume mode NAME MODE [SHARE]  normal, full, read-only, io-errors or unsynced
seatrial-volume refuse NAME MODE PID PATH  such a mode, and what a write of ours met then
seatrial-volume drop NAME PID PATH      lose what was not synced, and unmount
seatrial-volume unmount [NAME]          let go, and end the containers that still see it
seatrial-volume status [NAME]           what is mounted, and what it has refused
seatrial-volume look PID PATH           what the process PID has mounted at PATH
seatrial-volume probe PID PATH          write a file there; which call failed, and how`

type verb struct {
	least, most int
	run         func(words []string) (any, error)
}

var verbs = map[string]verb{
	"mount":   {3, 3, mount},
	"serve":   {2, 2, serve},
	"mode":    {2, 3, mode},
	"refuse":  {4, 4, refuse},
	"drop":    {3, 3, drop},
	"unmount": {0, 1, unmount},
	"status":  {0, 1, status},
	"look":    {2, 2, look},
	"probe":   {2, 2, probe},
}

func main() {
	said, err := called(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(said)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func called(words []string) (any, error) {
	if len(words) == 0 {
		return nil, errors.New(usage)
	}
	known, words := verbs[words[0]], words[1:]
	if known.run == nil || len(words) < known.least || len(words) > known.most {
		return nil, errors.New(usage)
	}
	return known.run(words)
}

func number(word string) (int, error) {
	found, err := strconv.Atoi(word)
	if err != nil || found <= 0 {
		return 0, fmt.Errorf("a process is a number above 0, not %q", word)
	}
	return found, nil
}
