package transfer

import (
	"math"
	"path"
	"strconv"

	"github.com/moothall/moothall/events"
)

// manifestBytes is what one manifest frame may hold before another begins, counted
// by the longest form that a name can take in JSON.
const manifestBytes = events.MaxMessage / 2

// manifests packs the headers into as many frames as they need, at least one.
func manifests(files []events.FileHeader) [][]byte {
	frames := [][]byte{}
	for first := true; first || len(files) > 0; first = false {
		n := fitting(files)
		m := events.Manifest{Files: files[:n], More: n < len(files)}
		frames = append(frames, events.Pack(events.FrameManifest, m))
		files = files[n:]
	}
	return frames
}

// fitting is how many of the files go into one frame.
func fitting(files []events.FileHeader) int {
	const fixed, perByte = 100, 6 // the other fields; a control character as \u0000
	size := 0
	for i, f := range files {
		size += fixed + perByte*len(f.Name)
		if size > manifestBytes && i > 0 {
			return i
		}
	}
	return len(files)
}

// A list is the manifest as the receiver has understood it so far.
type list struct {
	files []events.FileHeader
	names map[string]bool
	bytes int64
	opts  Options
}

func newList(opts Options) *list {
	if opts.MaxFiles == 0 {
		opts.MaxFiles = DefaultMaxFiles
	}
	return &list{names: make(map[string]bool), opts: opts}
}

// add takes one manifest frame; more says that another follows.
func (l *list) add(payload []byte) (more bool, err error) {
	var m events.Manifest
	if err := events.Unpack(payload, &m); err != nil {
		return false, err
	}
	if m.More && len(m.Files) == 0 {
		return false, events.Errorf(events.CodeInvalid, "manifest names no files and says that more follow")
	}
	for _, f := range m.Files {
		if err := l.addFile(f); err != nil {
			return false, err
		}
	}
	if m.More {
		return true, nil
	}
	if l.opts.Expected != nil && len(l.files) < len(l.opts.Expected) {
		return false, events.Errorf(events.CodeDamaged, "%d files are to come, there should be %d", len(l.files), len(l.opts.Expected))
	}
	return false, l.checkFolders()
}

func (l *list) addFile(f events.FileHeader) error {
	if err := CheckName(f.Name); err != nil {
		return err
	}
	switch {
	case l.names[f.Name]:
		return events.Errorf(events.CodeInvalid, "file %q is named twice", f.Name)
	case f.Size < 0 || f.Size > math.MaxInt64-l.bytes:
		return events.Errorf(events.CodeInvalid, "file %q cannot have %d bytes", f.Name, f.Size)
	case f.Offset < 0 || f.Offset > f.Size || f.Offset > 0 && !l.opts.Resume:
		return events.Errorf(events.CodeInvalid, "file %q cannot begin at byte %d", f.Name, f.Offset)
	case len(l.files) == l.opts.MaxFiles:
		return events.Errorf(events.CodeTooLarge, "more than %d files, which is all that is taken", l.opts.MaxFiles)
	case l.opts.MaxBytes > 0 && l.bytes+f.Size > l.opts.MaxBytes:
		return events.Errorf(events.CodeTooLarge, "files of %d bytes and more, at most %d are taken", l.bytes+f.Size, l.opts.MaxBytes)
	}
	if err := l.expect(f); err != nil {
		return err
	}
	l.names[f.Name] = true
	l.bytes += f.Size
	l.files = append(l.files, f)
	return nil
}

// expect refuses a file that is not the one whose turn it is.
func (l *list) expect(f events.FileHeader) error {
	if l.opts.Expected == nil {
		return nil
	}
	i := len(l.files)
	if i == len(l.opts.Expected) {
		return events.Errorf(events.CodeDamaged, "more files are to come than the %d that there should be", i)
	}
	if want := l.opts.Expected[i]; f.Name != want.Name || f.Size != want.Size {
		return events.Errorf(events.CodeDamaged, "%.80q of %d bytes is to come instead of %q of %d", f.Name, f.Size, want.Name, want.Size)
	}
	return nil
}

// hash is what the i-th file must have, "" if that is not known.
func (l *list) hash(i int) string {
	if l.opts.Expected == nil {
		return ""
	}
	return l.opts.Expected[i].SHA256
}

// checkFolders refuses a file that another one needs as a folder.
func (l *list) checkFolders() error {
	for _, f := range l.files {
		for i, r := range f.Name {
			if r == '/' && l.names[f.Name[:i]] {
				return events.Errorf(events.CodeInvalid, "file %q is also the folder of %q", f.Name[:i], f.Name)
			}
		}
	}
	return nil
}

const partSuffix = ".part"

// partOf names the file that holds what has arrived of the i-th. No file of the
// manifest has that name.
func (l *list) partOf(i int) string {
	part, ok := partName(l.files[i].Name)
	if !ok {
		part = path.Dir(l.files[i].Name) + "/file" + strconv.Itoa(i+1) + partSuffix
	}
	for l.names[part] {
		part += partSuffix
	}
	return part
}

// partName names the part of a file, unless that name is too long.
func partName(name string) (string, bool) {
	return name + partSuffix, len(path.Base(name))+len(partSuffix) <= maxPart
}
