package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

func (p *program) jobsCommand() *cobra.Command {
	return p.withJSON(&cobra.Command{
		Use:   "jobs",
		Short: "List the jobs of all workers, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.inRoom(cmd.Context(), func(c *client.Client) error {
				list, err := c.Jobs(cmd.Context())
				if err != nil {
					return err
				}
				return p.printJobs(list)
			})
		},
	})
}

// jobsView is moot jobs --json.
type jobsView struct {
	RoomID      string    `json:"room_id"`
	Jobs        []jobView `json:"jobs"`
	Unreachable []string  `json:"unreachable"`
}

type jobView struct {
	JobID    string          `json:"job_id"`
	Worker   string          `json:"worker"`
	Command  string          `json:"command"`
	State    events.JobState `json:"state"`
	ExitCode *int            `json:"exit_code"`
	Created  events.Time     `json:"created"`
	Started  events.Time     `json:"started"` // null while it has not
	Ended    events.Time     `json:"ended"`   // null while it has not
	Fetched  bool            `json:"fetched"`
	Outputs  []fileView      `json:"outputs"`
}

type fileView struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (p *program) printJobs(list client.JobList) error {
	if p.json {
		v := jobsView{RoomID: list.RoomID, Jobs: []jobView{}, Unreachable: list.Unreachable}
		for _, j := range list.Jobs {
			v.Jobs = append(v.Jobs, jobViewOf(j))
		}
		return p.printJSON(v)
	}
	if _, err := io.WriteString(p.out, jobTable(list)); err != nil {
		return err
	}
	if len(list.Unreachable) > 0 {
		p.warn("no answer from " + strings.Join(list.Unreachable, ", "))
	}
	return nil
}

func jobViewOf(j events.JobInfo) jobView {
	v := jobView{
		JobID: j.JobID, Worker: j.Worker, Command: j.Command, State: j.State, ExitCode: j.ExitCode,
		Created: j.Created, Started: j.Started, Ended: j.Ended, Fetched: j.Fetched, Outputs: []fileView{},
	}
	for _, o := range j.Outputs {
		v.Outputs = append(v.Outputs, fileView{o.Name, o.Size, o.SHA256})
	}
	return v
}

func jobTable(list client.JobList) string {
	if len(list.Jobs) == 0 {
		return ""
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, gap, ' ', 0)
	fmt.Fprintln(w, "JOB\tWORKER\tCOMMAND\tSTATE\tCODE\tCREATED\tRAN\tOUTPUTS")
	for _, j := range list.Jobs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cli.Printable(j.JobID), cli.Printable(cmp.Or(list.Names[j.Worker], j.Worker)), cli.Printable(j.Command), cli.Printable(string(j.State)),
			codeText(j.ExitCode), j.Created.Local().Format(time.DateTime), ranText(j), outputsText(j))
	}
	w.Flush()
	return b.String()
}

func codeText(code *int) string {
	if code == nil {
		return "-"
	}
	return fmt.Sprint(*code)
}

func ranText(j events.JobInfo) string {
	switch {
	case j.Started.IsZero():
		return "-"
	case j.Ended.IsZero():
		return time.Since(j.Started.Time).Round(time.Second).String()
	}
	return j.Ended.Sub(j.Started.Time).Round(10 * time.Millisecond).String()
}

func outputsText(j events.JobInfo) string {
	var size int64
	for _, o := range j.Outputs {
		size += o.Size
	}
	switch {
	case len(j.Outputs) == 0:
		return "-"
	case j.Fetched:
		return fmt.Sprintf("%d (%s), fetched", len(j.Outputs), bytesText(size))
	}
	return fmt.Sprintf("%d (%s)", len(j.Outputs), bytesText(size))
}
