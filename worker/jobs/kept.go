package jobs

import (
	"context"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// copyKept fills the places of missing files from those of other jobs that lie here
// still, and returns the places that are missing after it. Who offers a file must show
// that it has the content: first of a file's beginning, with the offer, and if something
// here begins alike, of the whole. What counts is the copy's content, so a job may have
// changed what it was given.
func (j *job) copyKept(ctx context.Context, root *os.Root, o *offer, missing []int, moved func()) ([]int, error) {
	alike := map[int]*os.File{}
	defer func() {
		for _, f := range alike {
			f.Close()
		}
	}()
	var ask []int
	search := j.kept(o.salt, moved)
	for _, i := range missing {
		in := o.files[i]
		if in.Head == "" || in.Size < events.JobHeadBytes || transfer.Part(root, in.Name) > 0 {
			continue
		}
		if f := search.alike(ctx, in); f != nil {
			alike[i] = f
			ask = append(ask, i)
		}
	}
	if len(ask) == 0 {
		return missing, nil
	}
	if err := o.need(ctx, events.JobNeeds{V: events.ProtocolVersion, JobID: j.id, Prove: ask}); err != nil {
		return nil, err
	}
	var sums []string
	select {
	case sums = <-o.evidence:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if len(sums) != len(ask) {
		return nil, events.Errorf(events.CodeInvalid, "the client has shown its knowledge of %d files, %d were asked for", len(sums), len(ask))
	}
	for n, i := range ask {
		whole, err := copyIn(ctx, root, o.files[i], alike[i], o.salt, sums[n], moved)
		if err != nil {
			return nil, err
		}
		if whole {
			missing = slices.DeleteFunc(missing, func(m int) bool { return m == i })
		}
	}
	return missing, nil
}

// stretchCopied is how much is copied between two looks at the context. Bytes.
const stretchCopied = 64 << 20

// copyIn copies a file to its place if it is the one that the client knows. That the
// copy fails is no error: the file is sent then, and what is wrong shows there.
func copyIn(ctx context.Context, root *os.Root, in events.JobInput, from *os.File, salt []byte, sum string, moved func()) (whole bool, err error) {
	const suffix = ".copy"
	mode := os.FileMode(0o644)
	if in.Mode&0o100 != 0 {
		mode = 0o755
	}
	name := in.Name
	if len(name)+len(suffix) <= 255 {
		name += suffix
	}
	to, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return false, nil //nolint:nilerr // it is sent
	}
	defer func() {
		to.Close()
		if !whole {
			_ = root.Remove(name) // it is in the way of nothing but itself
		}
	}()
	for left := in.Size; left > 0; {
		// A copy within the kernel, on some file systems of references only.
		n, err := io.CopyN(to, from, min(left, stretchCopied))
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			return false, nil //nolint:nilerr // it is sent
		}
		left -= n
		moved()
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return false, nil //nolint:nilerr // it is sent
	}
	got, err := transfer.Sum(ctx, salt, watched{to, moved}, in.Size)
	if err != nil || got != sum {
		return false, ctx.Err()
	}
	if to.Sync() != nil || name != in.Name && root.Rename(name, in.Name) != nil {
		return false, nil
	}
	return true, nil
}

// watched tells of each read.
type watched struct {
	r     io.Reader
	moved func()
}

func (w watched) Read(p []byte) (int, error) {
	w.moved()
	return w.r.Read(p)
}

// A search looks for inputs of one offer among the files of other jobs. It reads the
// beginning of each file once, however many inputs have its size.
type search struct {
	store *store
	jobs  []*job // newest first
	salt  []byte
	heads map[string]string // salted hashes of what was read, by name; "" if it cannot be
	moved func()
}

// maxHeads bounds the files whose beginning a search reads: a gibibyte.
const maxHeads = 1 << 10

func (s *Service) search(salt []byte, moved func()) *search {
	return &search{store: s.store, jobs: s.newest(events.ListJobs{}), salt: salt, heads: map[string]string{}, moved: moved}
}

// alike opens an input or output of another job that has the size of in and begins as
// the client says, nil if there is none.
func (s *search) alike(ctx context.Context, in events.JobInput) *os.File {
	for _, j := range s.jobs {
		if s.moved(); ctx.Err() != nil {
			return nil
		}
		for _, name := range j.files(s.store, in.Size) {
			if f := s.begins(ctx, j.id+"/work/"+name, in); f != nil {
				return f
			}
		}
	}
	return nil
}

// files are the names, below the job's work folder, of its inputs and sealed outputs of a size.
func (j *job) files(s *store, size int64) (names []string) {
	entries, err := fs.ReadDir(s.root.FS(), j.id+"/work/in")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() == size {
			names = append(names, "in/"+e.Name())
		}
	}
	if last := j.log.ended(); last != nil {
		for _, h := range last.Outputs {
			if h.Size == size {
				names = append(names, "out/"+h.Name)
			}
		}
	}
	return names
}

// begins opens a file that has an input's size and beginning.
func (s *search) begins(ctx context.Context, name string, in events.JobInput) *os.File {
	head, known := s.heads[name]
	if known && head != in.Head || !known && len(s.heads) == maxHeads {
		return nil
	}
	f := s.open(name, in.Size)
	if f == nil {
		return nil
	}
	if !known {
		head, _ = transfer.Sum(ctx, s.salt, watched{f, s.moved}, events.JobHeadBytes) // "" is no input's
		s.heads[name] = head
	}
	if head == in.Head {
		if _, err := f.Seek(0, io.SeekStart); err == nil {
			return f
		}
	}
	f.Close()
	return nil
}

// open opens a regular file of a size. The command that it belongs to may have put
// anything in its place.
func (s *search) open(name string, size int64) *os.File {
	f, err := s.store.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() == size {
		return f
	}
	f.Close()
	return nil
}
