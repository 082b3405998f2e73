package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// What hub and workers print of a change of admin, and the hub of a departure.
const (
	workerElected = "admin elected"
	hubElected    = "Admin elected"
)

// stampStep is what the times in the logs are cut to.
const stampStep = time.Millisecond

// A line of a process' log. The process itself took the time, when it saw what it
// says.
type line struct {
	Time  time.Time `json:"time"`
	Msg   string    `json:"msg"`
	Peer  string    `json:"peer_id"`
	Admin string    `json:"admin_peer_id"`
	Term  uint64    `json:"term"`
}

// at is the latest that the stamp can mean: numbers from it are upper bounds.
func (l line) at() time.Time { return l.Time.Add(stampStep) }

// lines are those with one of the messages. What is not JSON, or not yet whole, is
// none.
func lines(log []byte, messages ...string) (found []line) {
	for text := range bytes.Lines(log) {
		var l line
		if json.Unmarshal(text, &l) != nil {
			continue
		}
		for _, m := range messages {
			if l.Msg == m {
				found = append(found, l)
			}
		}
	}
	return found
}

// A tail is what a process prints from now on.
type tail struct {
	path string
	from int64
}

func tailOf(p *stage.Process) (tail, error) {
	info, err := os.Stat(p.Log)
	if err != nil {
		return tail{}, err
	}
	return tail{p.Log, info.Size()}, nil
}

func (t tail) lines(messages ...string) ([]line, error) {
	f, err := os.Open(t.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, t.from, 1<<30))
	return lines(text, messages...), err
}
