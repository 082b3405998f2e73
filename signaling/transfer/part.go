package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/moothall/moothall/events"
)

// A part is a file that is arriving. Either keep puts it in its place whole, or
// discard leaves nothing of it.
type part struct {
	root   *os.Root
	name   string // while it is a part
	header events.FileHeader
	file   *os.File
	digest hash.Hash
	size   int64
	kept   bool
}

// newPart begins a file, in folders that it makes. What an earlier attempt left under
// the part's name goes.
func newPart(root *os.Root, name string, header events.FileHeader) (*part, error) {
	p := &part{root: root, name: name, header: header, digest: sha256.New()}
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return nil, unwritable(header.Name, err)
		}
	}
	if header.Offset > 0 {
		return p, p.resume()
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unwritable(header.Name, err)
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, p.mode())
	if err != nil {
		return nil, unwritable(header.Name, err)
	}
	p.file = file
	return p, nil
}

// Part is how much of a file an earlier transfer with Resume has left under root, 0 if
// nothing that could be gone on with. Bytes.
func Part(root *os.Root, name string) int64 {
	part, ok := partName(name)
	if !ok {
		return 0
	}
	info, err := root.Lstat(part)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// Drop removes what an earlier transfer with Resume has left of a file, if anything.
func Drop(root *os.Root, name string) error {
	part, ok := partName(name)
	if !ok {
		return nil
	}
	if err := root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritable(name, err)
	}
	return nil
}

// resume goes on with what an earlier transfer has left.
func (p *part) resume() error {
	if info, err := p.root.Lstat(p.name); err != nil || !info.Mode().IsRegular() || info.Size() < p.header.Offset {
		return events.Errorf(events.CodeFile, "what had arrived of %s is gone", p.header.Name)
	}
	file, err := p.root.OpenFile(p.name, os.O_RDWR, 0)
	if err != nil {
		return unwritable(p.header.Name, err)
	}
	p.file, p.size = file, p.header.Offset
	if _, err := io.CopyN(p.digest, file, p.size); err != nil {
		return errors.Join(unreadable(p.header.Name, err), file.Close())
	}
	if err := file.Truncate(p.size); err != nil {
		return errors.Join(unwritable(p.header.Name, err), file.Close())
	}
	return nil
}

// leave keeps what has arrived, under the part's name.
func (p *part) leave() {
	if p.file != nil {
		_ = p.file.Close() // a hash tells later whether it is good
	}
}

// mode honours the owner's execute bit and nothing else.
func (p *part) mode() fs.FileMode {
	if p.header.Mode&0o100 != 0 {
		return 0o755
	}
	return 0o644
}

func (p *part) write(chunk []byte) error {
	if len(chunk) == 0 {
		return events.Errorf(events.CodeInvalid, "a chunk of %s is empty", p.header.Name)
	}
	if p.size += int64(len(chunk)); p.size > p.header.Size {
		return events.Errorf(events.CodeInvalid, "%s is longer than the %d bytes that were announced", p.header.Name, p.header.Size)
	}
	p.digest.Write(chunk)
	if _, err := p.file.Write(chunk); err != nil {
		return unwritable(p.header.Name, err)
	}
	return nil
}

// keep compares what has arrived with what was sent, and with the hash that it must have
// unless that is "", and puts it in its place.
func (p *part) keep(end events.FileEnd, hash string) error {
	if end.Name != p.header.Name || end.Size != p.header.Size || p.size != p.header.Size {
		return events.Errorf(events.CodeInvalid, "%s ended after %d of %d bytes", p.header.Name, p.size, p.header.Size)
	}
	if end.SHA256 != hex.EncodeToString(p.digest.Sum(nil)) {
		return events.Errorf(events.CodeDamaged, "%s arrived damaged (sha256 differs); nothing of it is kept", p.header.Name)
	}
	if hash != "" && !strings.EqualFold(hash, end.SHA256) {
		return events.Errorf(events.CodeDamaged, "%s arrived damaged (another file than was announced); nothing of it is kept", p.header.Name)
	}
	err := errors.Join(p.file.Sync(), p.file.Close())
	p.file = nil
	if err == nil {
		err = p.root.Rename(p.name, p.header.Name)
	}
	if err != nil {
		return unwritable(p.header.Name, err)
	}
	p.kept = true
	return nil
}

// discard removes the part, unless it was kept.
func (p *part) discard() {
	if p.file != nil {
		_ = p.file.Close()
	}
	if !p.kept {
		_ = p.root.Remove(p.name) // what stays is named as a part and goes at the next attempt
	}
}

func unwritable(name string, err error) error {
	return events.Errorf(events.CodeFile, "cannot write %s: %v", name, cause(err))
}
