package worker

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/moothall/moothall/signaling/session"
)

// remembered is what a worker's disk keeps of its seat: a hub that lost its store
// must mint above it.
type remembered struct {
	Incarnation uint64 `json:"incarnation"`
}

// lastIncarnation is the highest that this worker ever had; 0 if it had none, or
// if the file is damaged, which is logged and harms nobody but this worker.
func (a *Agent) lastIncarnation() uint64 {
	data, err := os.ReadFile(a.cfg.SeatFile)
	if errors.Is(err, fs.ErrNotExist) || a.cfg.SeatFile == "" {
		return 0
	}
	var r remembered
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		a.cfg.Log.Warn("the seat file is damaged and will be written anew", "file", a.cfg.SeatFile, "error", err)
	}
	return r.Incarnation
}

func (a *Agent) remember(incarnation uint64) {
	if a.cfg.SeatFile == "" || incarnation <= a.lastIncarnation() {
		return
	}
	data, err := json.Marshal(remembered{incarnation})
	if err == nil {
		err = session.WriteWhole(a.cfg.SeatFile, append(data, '\n'))
	}
	if err != nil {
		a.cfg.Log.Warn("the seat file was not written", "file", a.cfg.SeatFile, "error", err)
	}
}
