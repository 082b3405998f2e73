package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/moothall/moothall/events"
)

// A store is the folder with one folder per job:
//
//	j-abcdefgh/job.json      what was asked for
//	j-abcdefgh/events.jsonl  what happened
//	j-abcdefgh/order.json    what its supervisor runs; supervisor.log: what that had to say
//	j-abcdefgh/process.json  which processes it has
//	j-abcdefgh/exit.json     how its command ended
//	j-abcdefgh/bell, control pipes from and to its supervisor
//	j-abcdefgh/fetched       is there once a client has the outputs
//	try                      shows that the store can be written
//	ages.json                for how long each job that ended is kept
//	j-abcdefgh/work/         where the command runs, with in/ and out/
//
// Names of files below work/ come from clients and commands: they are touched
// through os.Root only.
type store struct {
	dir  string
	root *os.Root
	user *User // of the jobs' commands; nil: the worker's own
}

// A record is job.json.
type record struct {
	JobID   string          `json:"job_id"`
	Client  string          `json:"client"`
	Owner   string          `json:"owner,omitempty"`
	Command string          `json:"command"`
	Args    []string        `json:"args"`
	Inputs  int             `json:"inputs"`
	Lease   events.JobLease `json:"lease"`
	Created events.Time     `json:"created"`
}

func openStore(dir string, user *User) (*store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &store{dir, root, user}, nil
}

// A folder is one job's; all paths are absolute.
type folder struct {
	dir                  string
	work, in, out        string
	log                  string
	order, process, exit string
	bell, control, said  string
}

func (s *store) folder(id string) folder { return folderAt(filepath.Join(s.dir, id)) }

func folderAt(dir string) folder {
	at := func(name string) string { return filepath.Join(dir, name) }
	return folder{
		dir:  dir,
		work: at(workFolder), in: at(inFolderOfWork), out: at(outFolderOfWork),
		log:   at("events.jsonl"),
		order: at("order.json"), process: at("process.json"), exit: at("exit.json"),
		bell: at("bell"), control: at("control"), said: at("supervisor.log"),
	}
}

// create makes a job's folder and writes down what was asked for.
func (s *store) create(r record) (f folder, err error) {
	f = s.folder(r.JobID)
	if err := s.root.Mkdir(r.JobID, 0o700); err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove(r.JobID))
		}
	}()
	for _, name := range []string{workFolder, inFolderOfWork, outFolderOfWork} {
		if err := s.root.Mkdir(r.JobID+"/"+name, 0o700); err != nil {
			return f, err
		}
	}
	if err := s.handOver(r.JobID); err != nil {
		return f, err
	}
	return f, writeJSON(f.dir+recordFile, r)
}

// Folders of a job in which its command is at home.
const (
	workFolder      = "work"
	inFolderOfWork  = workFolder + "/in"
	outFolderOfWork = workFolder + "/out"
)

// handOver gives the command its folders, and the way to them.
func (s *store) handOver(id string) error {
	if s.user == nil {
		return nil
	}
	err := s.root.Chmod(id, passOnly)
	for _, name := range []string{workFolder, inFolderOfWork, outFolderOfWork} {
		err = errors.Join(err, s.root.Lchown(id+"/"+name, int(s.user.UID), int(s.user.GID)))
	}
	return err
}

// openOutputs opens what a job's command has left. The command may have put a link in the
// folder's place, and it is not the worker's to follow that.
func (f folder) openOutputs() (*os.Root, error) {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	out, err := root.OpenRoot(outFolderOfWork)
	if err != nil {
		return nil, err
	}
	opened, err := out.Stat(".")
	for _, name := range []string{workFolder, outFolderOfWork} {
		there, lost := root.Lstat(name)
		err = errors.Join(err, lost)
		if err == nil && (!there.IsDir() || name == outFolderOfWork && !os.SameFile(there, opened)) {
			err = fmt.Errorf("%s is another folder than it was", name)
		}
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

const recordFile = "/job.json"

func (s *store) remove(id string) error { return fell(s.root, id) }

// maxCounted bounds the files of a job whose sizes are added up.
const maxCounted = 100_000

// size is what a job takes on disk, as far as it can be seen. Bytes.
func (s *store) size(id string) int64 {
	root, err := s.root.OpenRoot(id)
	if err != nil {
		return 0
	}
	defer root.Close()
	return survey(root, maxCounted).bytes
}

// tryFile is written again and again, to see that the store takes something.
const tryFile = "try"

// try writes a block.
func (s *store) try() error { return s.root.WriteFile(tryFile, make([]byte, 4<<10), 0o600) }

const agesFile = "ages.json"

// writeAges leaves no file for no jobs.
func (s *store) writeAges(a ages) error {
	if len(a) == 0 {
		return s.root.RemoveAll(agesFile)
	}
	return writeJSON(filepath.Join(s.dir, agesFile), a)
}

// ages are none if they were not written, or cannot be read: then all begin anew.
func (s *store) ages() ages {
	var a ages
	_ = readJSON(filepath.Join(s.dir, agesFile), &a)
	return a
}

const fetchedFile = "/fetched"

func (s *store) markFetched(id string) error { return s.root.WriteFile(id+fetchedFile, nil, 0o600) }

func (s *store) wasFetched(id string) bool {
	_, err := s.root.Stat(id + fetchedFile)
	return err == nil
}

// A former is a job that an earlier process left.
type former struct {
	record
	folder folder
	log    *eventLog
	last   events.JobEvent // zero if there is none
}

// formers are the jobs of earlier processes, by the time of their last event, and an error
// for each that cannot be read. What did not come to be a job is removed.
func (s *store) formers() (all []former, errs []error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, []error{err}
	}
	for _, e := range entries {
		if !e.IsDir() || !idPattern.MatchString(e.Name()) {
			continue
		}
		f, err := s.former(e.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, s.remove(e.Name()))
		case err != nil:
			errs = append(errs, fmt.Errorf("job %s: %w", e.Name(), err))
		default:
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b former) int { return a.last.Time.Compare(b.last.Time.Time) })
	return all, slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func (s *store) former(id string) (f former, err error) {
	f.folder = s.folder(id)
	if err := readJSON(f.folder.dir+recordFile, &f.record); err != nil {
		return f, err
	}
	f.log, f.last, err = adoptLog(id, f.folder.log)
	return f, err
}
