package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// mapFlags are the flags of moot map.
type mapFlags struct {
	filter            filterFlags
	worker, to, state string
	inputs            []string
	wait              time.Duration
	retries           int
	force             bool
}

func (p *program) mapCommand() *cobra.Command {
	var f mapFlags
	cmd := p.withJSON(&cobra.Command{
		Use:   "map [flags] 'COMMAND {}' FILES…",
		Short: "Run a command over many files, on all workers at once",
		Long: `Run a job for each file, on all workers that match, as many at once as they have slots.

In the command {} stands for the file's path on the worker. Words are split at blanks;
'…' and "…" keep them together, and there is no shell. Each file's outputs come back into
a folder of its name below --to. What is done is kept in a state file there: the same
command again does what is not done, so after Ctrl-C, after failures, and with new files.

Exit codes: 0, all are done; 1, a job failed; 75, one was lost or found no worker.`,
		Example: "  moot map --to results --retries 2 'track --fast {}' videos/*.mp4",
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.mapping(args)
			if err != nil {
				return err
			}
			if m.Mounts, err = p.mounts(); err != nil {
				return err
			}
			return p.inRoom(cmd.Context(), func(c *client.Client) error { return p.runMap(cmd.Context(), c, m) })
		},
	})
	f.register(cmd)
	return cmd
}

func (f *mapFlags) register(cmd *cobra.Command) {
	f.filter.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.worker, "worker", "", "only this worker, by peer id or name")
	flags.StringArrayVarP(&f.inputs, "input", "i", nil, "a file that every job gets beside its own (may be repeated)")
	flags.StringVar(&f.to, "to", "moot-map", "the folder for the outputs, one folder for each file")
	flags.StringVar(&f.state, "state", "", "the file of what is done (default .moot-map.json in --to)")
	flags.DurationVar(&f.wait, "wait", time.Hour, "how long a file may wait for a worker that is free")
	flags.IntVar(&f.retries, "retries", 0, "how often a file is tried again, elsewhere if possible, when its worker was lost")
	flags.BoolVar(&f.force, "force", false, "overwrite files that exist in the folders of the outputs")
	flags.SetInterspersed(false)
}

func (f *mapFlags) mapping(args []string) (client.Map, error) {
	filters, err := f.filter.filters()
	if err != nil {
		return client.Map{}, err
	}
	if len(args) < 2 {
		return client.Map{}, events.AsError(usage("a command and files are needed")).WithTry("moot map [flags] 'COMMAND {}' FILES…")
	}
	words, err := splitWords(args[0])
	if err != nil {
		return client.Map{}, err
	}
	if f.wait <= 0 {
		return client.Map{}, usage("--wait %s is no time to wait", f.wait)
	}
	return client.Map{
		Job: client.Job{
			Filters: filters, Worker: f.worker, Command: words[0], Args: words[1:], Inputs: f.inputs, To: f.to, Force: f.force, Wait: f.wait,
		},
		Each: args[1:], Retries: f.retries, State: f.state,
	}, nil
}

// splitWords splits at blanks that are not between quotes.
func splitWords(text string) (words []string, err error) {
	var word strings.Builder
	quote, begun := rune(0), false
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range text {
		switch {
		case quote == 0 && unicode.IsSpace(r):
			end()
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case r == quote:
			quote = 0
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	end()
	switch {
	case quote != 0:
		return nil, usage("a quote (%c) is not closed in %q", quote, text)
	case len(words) == 0 || words[0] == "":
		return nil, usage("no command to run")
	}
	return words, nil
}

// mapView is moot map --json.
type mapView struct {
	RoomID  string           `json:"room_id"`
	Command string           `json:"command"`
	Inputs  []client.Outcome `json:"inputs"`
	Done    int              `json:"done"` // with those that were done before
	Skipped int              `json:"skipped"`
	Failed  int              `json:"failed"`
	Lost    int              `json:"lost"` // or without a worker
	Error   *events.Error    `json:"error,omitempty"`
}

func (p *program) runMap(ctx context.Context, c *client.Client, m client.Map) error {
	news := &mapNews{p: p, total: len(m.Each)}
	all, err := c.Map(ctx, m, news.show)
	if all == nil {
		return err
	}
	v := mapView{RoomID: c.Room(), Command: m.Command, Inputs: all}
	for _, o := range all {
		v.count(o)
	}
	if p.json {
		if err := p.printWithError(&v, &v.Error, err); err != nil {
			return err
		}
	} else {
		fmt.Fprint(p.err, v.table())
		if err != nil {
			return err
		}
	}
	return v.ending()
}

func (v *mapView) count(o client.Outcome) {
	switch {
	case o.State == events.JobDone:
		v.Done++
	case o.State == events.JobFailed:
		v.Failed++
	default:
		v.Lost++
	}
	if o.Skipped {
		v.Skipped++
	}
}

func (v *mapView) ending() error {
	switch {
	case v.Lost > 0:
		return exit(cli.ExitTryLater)
	case v.Failed > 0:
		return exit(1)
	}
	return nil
}

// table is what a person reads at the end: every input that was run, and the sum.
func (v *mapView) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, o := range v.Inputs {
		if !o.Skipped {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", cli.Printable(o.Input), stateText(o), orDash(cli.Printable(cmp.Or(o.Name, o.Worker))), o.Folder)
		}
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "%d of %d done (%d before), %d failed, %d lost or not run\n", v.Done, len(v.Inputs), v.Skipped, v.Failed, v.Lost)
	return b.String()
}

func stateText(o client.Outcome) string {
	switch {
	case o.State == events.JobFailed && o.ExitCode != nil:
		return fmt.Sprintf("failed (%d)", *o.ExitCode)
	case o.State == "":
		return "not run"
	}
	return string(o.State)
}

// mapNews tells on stderr how the inputs go.
type mapNews struct {
	p           *program
	total, over int
}

func (n *mapNews) show(u client.MapUpdate) {
	say := func(format string, args ...any) {
		fmt.Fprintf(n.p.err, "[%d/%d] %s: %s\n", n.over, n.total, cli.Printable(u.Input), cli.Printable(fmt.Sprintf(format, args...)))
	}
	switch u.Kind {
	case client.UpdateSkipped:
		n.over++
		say("done before")
	case client.UpdateState:
		if u.State == events.JobRunning {
			say("job %s runs on %s", u.JobID, nameOf(u.Worker))
		}
	case client.UpdateRetry:
		say("again: %s", u.Note)
	case client.UpdateWait:
		say("waiting: %s", u.Note)
	case client.UpdateFinished:
		n.over++
		say("%s", stateText(u.Outcome))
		if e := u.Outcome.Error; e != nil && !errors.Is(e, &events.Error{Code: events.CodeCanceled}) {
			say("%s", e.Message)
		}
	case client.UpdateOutput:
		n.output(u)
	}
}

// output passes a job's lines on, each with the name of its input: several write at once.
func (n *mapNews) output(u client.MapUpdate) {
	e := u.Event
	if strings.HasPrefix(e.Line, "::") {
		return
	}
	fmt.Fprintf(n.p.err, "%s| %s\n", cli.Printable(u.Input), cli.Printable(e.Line))
}
