package worker

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
)

// remembered is what a worker's disk keeps of its seat and row. A hub that lost its
// store must mint above the incarnation.
type remembered struct {
	Room        string        `json:"room_id"`
	Incarnation uint64        `json:"incarnation"`
	Joined      events.Time   `json:"joined"` // the room, for the first time
	Status      events.Status `json:"status,omitempty"`
	Job         string        `json:"current_job,omitempty"`
}

// A seatFile is the disk's memory, "" as path for none. Its methods may be called from
// any goroutine. What cannot be written is logged: it harms only this worker, and only
// after a hub has lost its store.
type seatFile struct {
	path string
	log  *slog.Logger

	mu  sync.Mutex // guards now, and that the file is written by one
	now remembered
}

// openSeat reads the file. A damaged one is set aside.
func openSeat(path, room string, log *slog.Logger) *seatFile {
	f := &seatFile{path: path, log: log}
	data, err := os.ReadFile(path)
	if path != "" && err == nil {
		err = json.Unmarshal(data, &f.now)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		aside := path + ".damaged"
		log.Warn("the seat file is damaged: kept it aside", "file", path, "aside", aside, "error", errors.Join(err, os.Rename(path, aside)))
		f.now = remembered{}
	}
	if f.now.Room != room {
		f.now = remembered{Room: room, Incarnation: f.now.Incarnation}
	}
	if f.now.Job != "" {
		log.Info("the process before this one had a job", "job_id", f.now.Job, "status", string(f.now.Status))
	}
	return f
}

func (f *seatFile) incarnation() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now.Incarnation
}

// joined is when this worker first joined its room: now, if it never did.
func (f *seatFile) joined() events.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now.Joined.IsZero() {
		f.now.Joined = events.At(time.Now())
	}
	return f.now.Joined
}

// sat remembers an incarnation; the highest counts.
func (f *seatFile) sat(incarnation uint64) {
	f.change(func(r *remembered) { r.Incarnation = max(r.Incarnation, incarnation) })
}

func (f *seatFile) status(s events.Status, job string) {
	f.change(func(r *remembered) { r.Status, r.Job = cmp.Or(s, r.Status), job })
}

func (f *seatFile) change(edit func(*remembered)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.now
	if edit(&f.now); f.path == "" || f.now == before {
		return
	}
	data, err := json.Marshal(f.now)
	if err == nil {
		err = session.WriteWhole(f.path, append(data, '\n'))
	}
	if err != nil {
		f.log.Warn("the seat file was not written", "file", f.path, "error", err)
	}
}
