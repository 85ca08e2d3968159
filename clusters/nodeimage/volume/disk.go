package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a call wants of the disk. Names and attributes are always there to be read.
type want int

const (
	toRead want = iota
	toWrite
	toSync
	toGrow   // takes room that was not taken before
	toChange // anything else that alters the volume
)

const (
	normal   = "normal"
	full     = "full"
	readOnly = "read-only"
	failing  = "io-errors"
	unsynced = "unsynced"
	cut      = "cut" // after the power went: nothing works, until it is unmounted
)

// Bytes of old content that are remembered. Past it the oldest are let be, as a kernel writes back.
const most = 256 << 20

// A disk decides what is refused, counts it, and remembers what would be lost in a power cut.
type disk struct {
	mutex   sync.Mutex
	mode    string
	share   int
	met     int
	refused map[string]int
	files   map[uint64]*dirty
	order   []uint64
	held    int
	synced  int
	settled int
	dropped loss
}

type loss struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// A state is what a server says of itself. `refused` counts calls by errno since the mode was set,
// `unsynced` is what a power cut would take now, `dropped` what it took.
type state struct {
	Mode     string         `json:"mode"`
	Share    int            `json:"share"`
	Refused  map[string]int `json:"refused"`
	Unsynced loss           `json:"unsynced"`
	Synced   int            `json:"synced"`
	Settled  int            `json:"settled"`
	Dropped  loss           `json:"dropped"`
}

func newDisk() *disk {
	return &disk{mode: normal, share: 100, refused: map[string]int{}, files: map[uint64]*dirty{}}
}

func (d *disk) state() state {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	refused := map[string]int{}
	for name, count := range d.refused {
		refused[name] = count
	}
	return state{d.mode, d.share, refused, d.losing(), d.synced, d.settled, d.dropped}
}

// become sets the mode. What was not synced before stays, unless the power is cut by `lose`.
func (d *disk) become(mode string, share int) error {
	switch mode {
	case normal, full, readOnly, failing, unsynced:
	default:
		return fmt.Errorf("no mode %q", mode)
	}
	if share < 1 || share > 100 {
		return fmt.Errorf("a share is 1 to 100, not %d", share)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.mode == cut {
		return fmt.Errorf("its power was cut; it can only be unmounted")
	}
	d.forget()
	d.mode, d.share, d.met, d.refused, d.synced, d.settled = mode, share, 0, map[string]int{}, 0, 0
	return nil
}

// refuses gives the errno that a call gets, 0 when it is let through; `grows` is asked when it matters.
func (d *disk) refuses(what want, grows func() bool) syscall.Errno {
	d.mutex.Lock()
	found := d.answer(what)
	d.mutex.Unlock()
	if found == syscall.ENOSPC && grows != nil && !grows() {
		return 0
	}
	if found != 0 {
		d.mutex.Lock()
		d.refused[unix.ErrnoName(found)]++
		d.mutex.Unlock()
	}
	return found
}

func (d *disk) answer(what want) syscall.Errno {
	changes := what == toWrite || what == toGrow || what == toChange
	switch {
	case d.mode == cut:
		return syscall.EIO
	case d.mode == full && (what == toGrow || what == toWrite):
		return syscall.ENOSPC
	case d.mode == readOnly && changes:
		return syscall.EROFS
	case d.mode == failing && (what == toRead || what == toWrite || what == toSync):
		d.met++
		if d.met*d.share/100 > (d.met-1)*d.share/100 {
			return syscall.EIO
		}
	}
	return 0
}

// forget closes what is remembered: from now on it is as good as synced.
func (d *disk) forget() {
	for _, found := range d.files {
		found.file.Close()
	}
	d.files, d.order, d.held = map[uint64]*dirty{}, nil, 0
}

func (d *disk) losing() (found loss) {
	for _, one := range d.files {
		found.Files++
		found.Bytes += one.written
	}
	return found
}

// lose cuts the power: each file gets back what it was when it was last synced. Names stay, as a
// journal keeps them.
func (d *disk) lose() (loss, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.mode == cut {
		return d.dropped, nil
	}
	if d.mode != unsynced {
		return loss{}, fmt.Errorf("its mode is %s: nothing was remembered", d.mode)
	}
	d.mode, d.dropped = cut, d.losing()
	var failed error
	for _, found := range d.files {
		if err := found.back(); err != nil {
			failed = err
		}
	}
	d.forget()
	return d.dropped, failed
}

// volatile runs a change of a file's content; what it overwrites is remembered before.
func (d *disk) volatile(file *os.File, at, length int64, change func() syscall.Errno) syscall.Errno {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.mode == cut {
		return syscall.EIO
	}
	if d.mode == unsynced {
		if err := d.remember(file, at, length); err != nil {
			return syscall.EIO
		}
	}
	return change()
}

func (d *disk) remember(file *os.File, at, length int64) error {
	var seen syscall.Stat_t
	if err := syscall.Fstat(int(file.Fd()), &seen); err != nil {
		return err
	}
	found := d.files[seen.Ino]
	if found == nil {
		// Its own descriptor: the one it came by may be write-only, and is closed some day.
		again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		found = &dirty{file: again, size: seen.Size}
		d.files[seen.Ino], d.order = found, append(d.order, seen.Ino)
	}
	held, err := found.remember(at, length, seen.Size)
	d.held += held
	for err == nil && d.held > most {
		d.settle(d.order[0])
		d.settled++
	}
	return err
}

// kept is told of a sync: what a file holds now outlives a power cut.
func (d *disk) kept(file *os.File) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.mode != unsynced {
		return
	}
	var seen syscall.Stat_t
	if syscall.Fstat(int(file.Fd()), &seen) == nil {
		d.settle(seen.Ino)
		d.synced++
	}
}

func (d *disk) settle(inode uint64) {
	found := d.files[inode]
	if found == nil {
		return
	}
	d.held -= found.held
	found.file.Close()
	delete(d.files, inode)
	for i, one := range d.order {
		if one == inode {
			d.order = append(d.order[:i:i], d.order[i+1:]...)
			break
		}
	}
}

// A dirty file has changes since it was last synced, when it had `size` bytes.
type dirty struct {
	file    *os.File
	size    int64
	written int64
	held    int
	changes []change
}

type change struct {
	at  int64
	old []byte
}

func (f *dirty) remember(at, length, size int64) (int, error) {
	f.written += length
	end := min(at+length, size)
	if end <= at {
		return 0, nil
	}
	old := make([]byte, end-at)
	count, err := f.file.ReadAt(old, at)
	if err != nil && count < len(old) {
		return 0, err
	}
	f.changes, f.held = append(f.changes, change{at, old}), f.held+len(old)
	return len(old), nil
}

func (f *dirty) back() error {
	for i := len(f.changes) - 1; i >= 0; i-- {
		if _, err := f.file.WriteAt(f.changes[i].old, f.changes[i].at); err != nil {
			return err
		}
	}
	if err := f.file.Truncate(f.size); err != nil {
		return err
	}
	return f.file.Sync()
}
