package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/moothall/moothall/events"
)

// An outgoing file is one that is to be sent as it was when the manifest was made.
type outgoing struct {
	source Source
	was    fs.FileInfo
	header events.FileHeader
}

// look makes the manifest of the sources.
func look(sources []Source) ([]outgoing, error) {
	files := make([]outgoing, 0, len(sources))
	for _, s := range sources {
		if err := CheckName(s.Name); err != nil {
			return nil, err
		}
		was, err := s.stat()
		if err != nil {
			return nil, unreadable(s.Name, err)
		}
		if !was.Mode().IsRegular() {
			return nil, events.Errorf(events.CodeFile, "%s is not a regular file", s.Name)
		}
		if s.Offset < 0 || s.Offset > was.Size() {
			return nil, events.Errorf(events.CodeInvalid, "%s has %d bytes, the receiver cannot have %d", s.Name, was.Size(), s.Offset)
		}
		header := events.FileHeader{Name: s.Name, Size: was.Size(), Mode: uint32(was.Mode().Perm()), Offset: s.Offset}
		files = append(files, outgoing{source: s, was: was, header: header})
	}
	return files, nil
}

func (s Source) stat() (fs.FileInfo, error) {
	if s.Root != nil {
		return s.Root.Stat(s.Path)
	}
	return os.Stat(s.Path)
}

// open does not wait for the writer of a pipe that has come to be in the file's place.
func (s Source) open() (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	if s.Root != nil {
		return s.Root.OpenFile(s.Path, flags, 0)
	}
	return os.OpenFile(s.Path, flags, 0)
}

// read hands the file out in chunks from its offset on, which are valid until the next
// one, and returns the hash of the whole. A file that is not what it was is an error.
func (o *outgoing) read(each func(chunk []byte) error) (sum string, err error) {
	f, err := o.source.open()
	if err != nil {
		return "", unreadable(o.header.Name, err)
	}
	defer f.Close()
	if err := o.same(f.Stat()); err != nil {
		return "", err
	}
	digest := sha256.New()
	if n, err := io.CopyN(digest, f, o.header.Offset); errors.Is(err, io.EOF) {
		return "", o.changed()
	} else if err != nil {
		return "", unreadable(o.header.Name, fmt.Errorf("after %d bytes: %w", n, err))
	}
	if err := o.chunks(f, digest, each); err != nil {
		return "", err
	}
	if err := o.same(f.Stat()); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), o.same(o.source.stat())
}

func (o *outgoing) chunks(f io.Reader, digest hash.Hash, each func([]byte) error) error {
	buffer := make([]byte, chunkSize)
	for left := o.header.Size - o.header.Offset; left > 0; {
		n, err := io.ReadFull(f, buffer[:min(left, chunkSize)])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return o.changed()
		}
		if err != nil {
			return unreadable(o.header.Name, err)
		}
		digest.Write(buffer[:n])
		if err := each(buffer[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// same compares the file as it is with what it was.
func (o *outgoing) same(is fs.FileInfo, err error) error {
	if err != nil {
		return unreadable(o.header.Name, err)
	}
	if !os.SameFile(o.was, is) || is.Size() != o.was.Size() || !is.ModTime().Equal(o.was.ModTime()) {
		return o.changed()
	}
	return nil
}

func (o *outgoing) changed() error {
	return events.Errorf(events.CodeFile, "%s changed while it was sent", o.header.Name).
		WithTry("again when nothing writes to it any more")
}

func unreadable(name string, err error) error {
	return events.Errorf(events.CodeFile, "cannot read %s: %v", name, cause(err))
}

// cause is a file error without the path, which may say more than a peer should know.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
