package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/dustin/go-humanize"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// maxListing bounds the list of outputs, which travels in one event. Bytes.
const maxListing = maxEvent - 8<<10

// sealed is what a job left under MOOT_OUT.
type sealed struct {
	files []events.FileHeader // in the order of their names
	notes []string            // what was left out, and why
	err   error               // why not all files are in files
}

// seal hashes the regular files under root. It asks goOn before each file and
// each stretch of one; an error of that ends the sealing.
func seal(root *os.Root, l Limits, of *User, goOn func() error) sealed {
	s := sealer{root: root, limits: l, user: of, goOn: goOn}
	err := fs.WalkDir(root.FS(), ".", s.visit)
	if s.result.err == nil {
		s.result.err = err
	}
	return s.result
}

type sealer struct {
	root    *os.Root
	limits  Limits
	user    *User // nil: whoever
	goOn    func() error
	result  sealed
	total   int64
	listing int
	items   int
}

func (s *sealer) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		return events.Errorf(events.CodeFile, "output %s cannot be read: %v", name, err)
	}
	if s.items++; s.items > s.limits.OutputItems {
		return tooMany(s.limits)
	}
	switch {
	case d.IsDir() && len(name) > maxPath:
		s.skip("a folder of %d bytes of path: not returned", len(name))
		return fs.SkipDir
	case d.IsDir():
		return s.goOn()
	case !d.Type().IsRegular():
		s.skip("%s is %s, not a file: not returned", name, kind(d.Type()))
		return nil
	}
	if err := transfer.CheckName(name); err != nil {
		s.skip("%v: not returned", err)
		return nil
	}
	return s.add(name)
}

// maxNotes bounds the notes of one sealing.
const maxNotes = 20

func (s *sealer) skip(format string, args ...any) {
	if len(s.result.notes) < maxNotes {
		s.result.notes = append(s.result.notes, fmt.Sprintf(format, args...))
	}
}

func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something special"
}

func (s *sealer) add(name string) error {
	if len(s.result.files) == s.limits.OutputFiles {
		return events.Errorf(events.CodeTooLarge, "the job left more than %d files: only the first are kept", s.limits.OutputFiles)
	}
	h, err := s.hash(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if s.listing += len(text) + 1; s.listing > maxListing {
		return events.Errorf(events.CodeTooLarge, "the job left too many files to list: only the first %d are kept", len(s.result.files))
	}
	s.result.files = append(s.result.files, h)
	return nil
}

// stretch is how much is hashed between two looks at goOn. Bytes.
const stretch = 4 << 20

func (s *sealer) hash(name string) (events.FileHeader, error) {
	f, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a pipe by now
	if err != nil {
		return events.FileHeader{}, events.Errorf(events.CodeFile, "output %s cannot be read: %v", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return events.FileHeader{}, events.Errorf(events.CodeFile, "output %s is no file any more", name)
	}
	if !s.user.owns(info) {
		return events.FileHeader{}, events.Errorf(events.CodeForbidden, "output %s belongs to another user than the job", name)
	}
	if s.total += info.Size(); s.total > s.limits.OutputBytes {
		return events.FileHeader{}, tooMuch(s.limits)
	}
	sum := sha256.New()
	size := int64(0)
	for {
		n, err := io.CopyN(sum, f, stretch)
		size += n
		if err != nil && !errors.Is(err, io.EOF) {
			return events.FileHeader{}, events.Errorf(events.CodeFile, "output %s cannot be read: %v", name, err)
		}
		if goErr := s.goOn(); goErr != nil {
			return events.FileHeader{}, goErr
		}
		if err != nil {
			break
		}
	}
	return events.FileHeader{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), Mode: uint32(info.Mode().Perm())}, nil
}

func tooMuch(l Limits) error {
	return events.Errorf(events.CodeTooLarge, "the job wrote more than %s of output", humanize.IBytes(uint64(l.OutputBytes)))
}

func tooMany(l Limits) error {
	return events.Errorf(events.CodeTooLarge, "the job had more than %d files and folders among its outputs", l.OutputItems)
}
