package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A node is a name of the volume, or what it names.
type node struct {
	fs.LoopbackNode
	disk *disk
}

// A handle is an open file. Nothing of it goes past us: there is no passing through in the kernel.
type handle struct {
	*fs.LoopbackFile
	file *os.File
	disk *disk
	sync bool
}

// beneath serves the working directory, which the mount over it does not hide from us.
func beneath(d *disk) (*fs.LoopbackRoot, error) {
	var seen syscall.Stat_t
	if err := syscall.Stat(".", &seen); err != nil {
		return nil, err
	}
	root := &fs.LoopbackRoot{Path: ".", Dev: seen.Dev}
	root.NewNode = func(r *fs.LoopbackRoot, _ *fs.Inode, _ string, _ *syscall.Stat_t) fs.InodeEmbedder {
		return &node{fs.LoopbackNode{RootData: r}, d}
	}
	root.RootNode = root.NewNode(root, nil, "", &seen)
	return root, nil
}

func (n *node) path() string { return filepath.Join(".", n.Path(n.Root())) }

func (n *node) opened(flags uint32) (*handle, syscall.Errno) {
	return n.openedAt(n.path(), flags)
}

// bare leaves out what has been seen to by then: where to append, and what is not in the cache of
// pages, the kernel knows before it asks us, and our buffers are not aligned as O_DIRECT wants them.
const bare = syscall.O_APPEND | syscall.O_CREAT | syscall.O_EXCL | syscall.O_TRUNC | syscall.O_DIRECT | fuse.FMODE_EXEC

func (n *node) openedAt(path string, flags uint32) (*handle, syscall.Errno) {
	file, err := os.OpenFile(path, int(flags)&^bare|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fs.ToErrno(err)
	}
	return n.held(file, flags), 0
}

func (n *node) held(file *os.File, flags uint32) *handle {
	synced := flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0
	return &handle{fs.NewLoopbackFileFromOS(file), file, n.disk, synced}
}

func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		// A disk that is full or fails can be opened; one that is read-only cannot.
		if errno := n.disk.refuses(toChange, nil); errno != 0 {
			return nil, 0, errno
		}
	}
	found, errno := n.opened(flags)
	if errno == 0 && flags&syscall.O_TRUNC != 0 {
		errno = found.truncate(0)
	}
	if errno != 0 {
		return nil, 0, errno
	}
	return found, 0, 0
}

func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.disk.refuses(toGrow, nil); errno != 0 {
		return nil, nil, 0, errno
	}
	// The kernel asks to create only what is not there, so that nothing is cut short here.
	inode, made, _, errno := n.LoopbackNode.Create(ctx, name, flags&^(syscall.O_TRUNC|syscall.O_DIRECT), mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	made.(*fs.LoopbackFile).Release(ctx)
	// It has no place in the tree yet: it is opened where it was made.
	found, errno := n.openedAt(filepath.Join(n.path(), name), flags)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return inode, found, 0, 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.disk.refuses(toGrow, nil); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (n *node) Mknod(ctx context.Context, name string, mode, device uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.disk.refuses(toGrow, nil); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mknod(ctx, name, mode, device, out)
}

func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.disk.refuses(toGrow, nil); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Symlink(ctx, target, name, out)
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.disk.refuses(toGrow, nil); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Link(ctx, target, name, out)
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	if errno := n.disk.refuses(toChange, nil); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Unlink(ctx, name)
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	if errno := n.disk.refuses(toChange, nil); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rmdir(ctx, name)
}

func (n *node) Rename(ctx context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if errno := n.disk.refuses(toChange, nil); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rename(ctx, name, to, newName, flags)
}

func (n *node) Setxattr(ctx context.Context, name string, data []byte, flags uint32) syscall.Errno {
	if errno := n.disk.refuses(toGrow, nil); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Setxattr(ctx, name, data, flags)
}

func (n *node) Removexattr(ctx context.Context, name string) syscall.Errno {
	if errno := n.disk.refuses(toChange, nil); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Removexattr(ctx, name)
}

func (n *node) Setattr(ctx context.Context, open fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := n.disk.refuses(toChange, nil); errno != 0 {
		return errno
	}
	if size, ok := in.GetSize(); ok {
		if errno := n.resize(open, int64(size)); errno != 0 {
			return errno
		}
		in.Valid &^= fuse.FATTR_SIZE
	}
	return n.LoopbackNode.Setattr(ctx, n.plain(open), in, out)
}

// plain gives the open file as what we stand on knows it.
func (n *node) plain(open fs.FileHandle) fs.FileHandle {
	if found, ok := open.(*handle); ok {
		return found.LoopbackFile
	}
	return open
}

func (n *node) resize(open fs.FileHandle, size int64) syscall.Errno {
	found, ok := open.(*handle)
	if !ok {
		var errno syscall.Errno
		if found, errno = n.opened(syscall.O_RDWR); errno != 0 {
			return errno
		}
		defer found.file.Close()
	}
	return found.truncate(size)
}

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	errno := n.LoopbackNode.Statfs(ctx, out)
	if n.disk.state().Mode == full {
		out.Bfree, out.Bavail = 0, 0
	}
	return errno
}

// Fsync is asked of files and of folders.
func (n *node) Fsync(ctx context.Context, open fs.FileHandle, flags uint32) syscall.Errno {
	if errno := n.disk.refuses(toSync, nil); errno != 0 {
		return errno
	}
	if found, ok := open.(*handle); ok {
		// Told first: what is written while the disk is busy is not synced.
		n.disk.kept(found.file)
		return found.LoopbackFile.Fsync(ctx, flags)
	}
	folder, err := os.Open(n.path())
	if err != nil {
		return fs.ToErrno(err)
	}
	defer folder.Close()
	return fs.ToErrno(folder.Sync())
}

func (h *handle) PassthroughFd() (int, bool) { return 0, false }

func (h *handle) Read(ctx context.Context, into []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	if errno := h.disk.refuses(toRead, nil); errno != 0 {
		return nil, errno
	}
	return h.LoopbackFile.Read(ctx, into, at)
}

func (h *handle) Write(ctx context.Context, data []byte, at int64) (uint32, syscall.Errno) {
	length := int64(len(data))
	if errno := h.disk.refuses(toWrite, func() bool { return at+length > h.size() }); errno != 0 {
		return 0, errno
	}
	var count uint32
	errno := h.disk.volatile(h.file, at, length, func() (errno syscall.Errno) {
		count, errno = h.LoopbackFile.Write(ctx, data, at)
		return errno
	})
	if h.sync && errno == 0 {
		h.disk.kept(h.file)
	}
	return count, errno
}

func (h *handle) Allocate(ctx context.Context, at, length uint64, mode uint32) syscall.Errno {
	if errno := h.disk.refuses(toGrow, nil); errno != 0 {
		return errno
	}
	return h.disk.volatile(h.file, int64(at), int64(length), func() syscall.Errno {
		return h.LoopbackFile.Allocate(ctx, at, length, mode)
	})
}

func (h *handle) truncate(size int64) syscall.Errno {
	if errno := h.disk.refuses(toWrite, func() bool { return size > h.size() }); errno != 0 {
		return errno
	}
	return h.disk.volatile(h.file, size, max(0, h.size()-size), func() syscall.Errno {
		return fs.ToErrno(h.file.Truncate(size))
	})
}

func (h *handle) size() int64 {
	var seen syscall.Stat_t
	if err := syscall.Fstat(int(h.file.Fd()), &seen); err != nil {
		return 0
	}
	return seen.Size
}
