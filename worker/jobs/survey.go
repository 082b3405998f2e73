package jobs

import (
	"io/fs"
	"os"
	"path"
	"strconv"
)

// maxPath is how long the path of a folder may be that is looked into: no file in a
// longer one could be sent. Bytes.
const maxPath = 1024

// An extent is how much lies in a folder.
type extent struct {
	bytes int64
	items int  // files and folders
	deep  bool // there are folders into which nobody looked
}

// survey looks through a folder, at most at that many items. What it finds may be at work.
func survey(root *os.Root, most int) (e extent) {
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it vanished
		}
		if e.items++; e.items > most {
			return fs.SkipAll
		}
		if d.IsDir() && len(name) > maxPath {
			e.deep = true
			return fs.SkipDir
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			e.bytes += info.Size()
		}
		return nil
	})
	return e
}

// shallow is how deep folders may lie in each other that RemoveAll is given: it keeps one
// file open for each, and what a job has made may be as deep as it likes.
const shallow = 32

// fell removes a folder, however deep what is in it.
func fell(root *os.Root, name string) error {
	raised := 0
	for flat := []string{name}; len(flat) > 0; flat = flat[1:] {
		from := flat[0]
		sub, err := root.OpenRoot(from)
		if err != nil {
			continue // no folder, or gone
		}
		_ = fs.WalkDir(sub.FS(), ".", func(at string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil //nolint:nilerr // RemoveAll says what is wrong
			}
			// The job may have locked its folders.
			_ = sub.Chmod(at, 0o700)
			if depth(at) < shallow {
				return nil
			}
			raised++
			up := path.Join(name, "raised-"+strconv.Itoa(raised))
			if root.Rename(path.Join(from, at), up) == nil {
				flat = append(flat, up)
			}
			return fs.SkipDir
		})
		sub.Close()
	}
	return root.RemoveAll(name)
}

func depth(name string) (n int) {
	for _, c := range name {
		if c == '/' {
			n++
		}
	}
	return n
}
