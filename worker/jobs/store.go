package jobs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/moothall/moothall/events"
)

// A store is the folder with one folder per job:
//
//	j-abcdefgh/job.json      what was asked for
//	j-abcdefgh/events.jsonl  what happened
//	j-abcdefgh/fetched       is there once a client has the outputs
//	j-abcdefgh/work/         where the command runs, with in/ and out/
//
// Names of files below work/ come from clients and commands: they are touched
// through os.Root only.
type store struct {
	dir  string
	root *os.Root
}

// A record is job.json.
type record struct {
	JobID   string          `json:"job_id"`
	Client  string          `json:"client"`
	Command string          `json:"command"`
	Args    []string        `json:"args"`
	Inputs  int             `json:"inputs"`
	Lease   events.JobLease `json:"lease"`
	Created events.Time     `json:"created"`
}

func openStore(dir string) (*store, error) {
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
	return &store{dir, root}, nil
}

// A folder is one job's.
type folder struct {
	work, in, out string // absolute paths
	log           string
}

func (s *store) folder(id string) folder {
	dir := filepath.Join(s.dir, id)
	work := filepath.Join(dir, "work")
	return folder{
		work: work,
		in:   filepath.Join(work, "in"),
		out:  filepath.Join(work, "out"),
		log:  filepath.Join(dir, "events.jsonl"),
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
	for _, name := range []string{"work", "work/in", "work/out"} {
		if err := s.root.Mkdir(r.JobID+"/"+name, 0o700); err != nil {
			return f, err
		}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return f, err
	}
	return f, s.root.WriteFile(r.JobID+"/job.json", text, 0o600)
}

func (s *store) remove(id string) error { return s.root.RemoveAll(id) }

const fetchedFile = "/fetched"

func (s *store) markFetched(id string) error { return s.root.WriteFile(id+fetchedFile, nil, 0o600) }

func (s *store) wasFetched(id string) bool {
	_, err := s.root.Stat(id + fetchedFile)
	return err == nil
}

// settle goes through the jobs of former processes. One that had not ended is
// lost: what still runs of it is killed, because its slot is free now. It returns
// the final events, and an error for each job that cannot be read.
func (s *store) settle(now time.Time) (ended []events.JobEvent, errs []error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, []error{err}
	}
	for _, e := range entries {
		if !e.IsDir() || !idPattern.MatchString(e.Name()) {
			continue
		}
		last, err := s.settleJob(now, e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ended = append(ended, last)
	}
	return ended, errs
}

func (s *store) settleJob(now time.Time, id string) (events.JobEvent, error) {
	log, last, err := reopenLog(id, s.folder(id).log)
	if err != nil {
		return last, err
	}
	if !last.State.Final() {
		sweep(id)
		last = log.append(now, events.JobEvent{
			Kind: events.JobEventState, State: events.JobLost, Reason: "the worker was restarted while the job ran",
		})
	}
	return last, errors.Join(log.close())
}
