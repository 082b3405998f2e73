package jobs

import (
	"encoding/json"
	"os"

	"github.com/google/renameio/v2"

	"github.com/moothall/moothall/events"
)

// An order is what a supervisor is to run: order.json in the job's folder.
type order struct {
	JobID   string   `json:"job_id"`
	Program string   `json:"program"`
	Argv    []string `json:"argv"`
	Env     []string `json:"env"`
	Limits  Limits   `json:"limits"`
	User    *runAs   `json:"user,omitempty"` // nil: the worker's own
	Answers bool     `json:"answers"`        // whether the supervisor answers actionPing
}

// runAs is a User as JSON has it, and not as the settings do.
type runAs User

// A birth says which processes a job has: process.json.
type birth struct {
	Supervisor identity    `json:"supervisor"`
	Command    identity    `json:"command"`
	Started    events.Time `json:"started"`
}

// A verdict is how a command ended: exit.json. State is empty where the exit code
// decides.
type verdict struct {
	State  events.JobState `json:"state,omitempty"`
	Reason string          `json:"reason,omitempty"`
	Code   *int            `json:"exit_code,omitempty"`
}

// writeJSON leaves either the old file or the new one, on disk.
func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(text, '\n'), 0o600)
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
