package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// runFlags are the flags of moot run.
type runFlags struct {
	filter          filterFlags
	worker, to      string
	inputs          []string
	force           bool
	wait            time.Duration
	dryRun, explain bool
	detach          bool
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := p.withJSON(&cobra.Command{
		Use:   "run [flags] -- COMMAND [ARGS…]",
		Short: "Run a job on a worker: files up, output live, results down",
		Long: `Run a job on the best worker that matches: available, most GPU memory.

Each -i FILE arrives as MOOT_IN/<base name>; everything that the job writes under
MOOT_OUT comes back to --to. The exit code is the job's own (128+n for signal n).
Ctrl-C leaves the job, which goes on; again within 3 s, it cancels the job. While inputs
are on their way the first one cancels. moot logs, get, stop and cancel come back to it.`,
		Example: "  moot run --min-gpu-memory 8GiB -i video.mp4 --to results -- track --fast",
		RunE: func(cmd *cobra.Command, args []string) error {
			job, err := f.job(args)
			if err != nil {
				return err
			}
			if job.Mounts, err = p.mounts(); err != nil {
				return err
			}
			if err := job.Validate(); err != nil {
				return err
			}
			return p.inRoom(cmd.Context(), func(c *client.Client) error {
				if f.dryRun {
					return p.plan(cmd.Context(), c, job)
				}
				return p.runJob(cmd.Context(), c, job, f.explain)
			})
		},
	})
	f.register(cmd)
	return cmd
}

func (f *runFlags) register(cmd *cobra.Command) {
	f.filter.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.worker, "worker", "", "only this worker, by peer id or name")
	flags.StringArrayVarP(&f.inputs, "input", "i", nil, "a file to send, or NAME:/PATH of a mount of the worker (may be repeated)")
	flags.StringVar(&f.to, "to", "", "the folder for the outputs (default ./JOB_ID)")
	flags.BoolVar(&f.force, "force", false, "overwrite files that exist there")
	flags.DurationVar(&f.wait, "wait", 0, "how long to wait for a worker that is free, as 10m")
	flags.BoolVarP(&f.detach, "detach", "d", false, "print the job's id as soon as it runs, and leave it")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say where the job would run and what would be sent, and do neither")
	flags.BoolVar(&f.explain, "explain", false, "say which workers are asked in which order, and why the others are not")
	flags.SetInterspersed(false)
}

// job reads the command line.
func (f *runFlags) job(args []string) (client.Job, error) {
	filters, err := f.filter.filters()
	if err != nil {
		return client.Job{}, err
	}
	if len(args) == 0 {
		return client.Job{}, events.AsError(usage("no command to run")).WithTry("moot run [flags] -- COMMAND [ARGS…]")
	}
	if f.wait < 0 {
		return client.Job{}, usage("--wait %s is negative", f.wait)
	}
	j := client.Job{
		Filters: filters, Worker: f.worker, Command: args[0], Args: args[1:],
		Inputs: f.inputs, To: f.to, Force: f.force, Wait: f.wait, Detach: f.detach,
	}
	return j, nil
}

// printWithError prints a document that tells of its own error, and ends with the
// error's code.
func (p *program) printWithError(doc any, slot **events.Error, err error) error {
	if err != nil {
		*slot = events.AsError(err)
	}
	if printed := p.printJSON(doc); printed != nil {
		return printed
	}
	if err != nil {
		return exit(cli.ExitCode(err))
	}
	return nil
}

// resultView is moot run --json; Plan comes with --explain.
type resultView struct {
	client.Result
	Plan  *planView     `json:"plan,omitempty"`
	Error *events.Error `json:"error,omitempty"`
}

// secondThought is how long after a Ctrl-C another one cancels the job that was left.
const secondThought = 3 * time.Second

// runJob runs a job and ends with its exit code.
func (p *program) runJob(ctx context.Context, c *client.Client, j client.Job, explain bool) error {
	if explain {
		if looked, err := c.Plan(ctx, j); err == nil || looked.List.RoomID != "" {
			explainPlan(p.err, looked)
			p.explained = viewOfPlan(looked, j)
		}
	}
	interrupts, stop := p.interrupts()
	defer stop()
	s := p.screen(explain)
	p.ran = true
	result, err := c.Run(ctx, j, s.update)
	s.close()
	if events.CodeOf(err) == events.CodeDetached {
		result, err = p.think(ctx, c, result, err, interrupts)
	}
	if err == nil && result.State == events.JobRunning {
		return p.detached(result)
	}
	return p.conclude(result, err)
}

// think gives who left a job by Ctrl-C the time to cancel it by another one.
func (p *program) think(ctx context.Context, c *client.Client, r client.Result, left error, interrupts <-chan os.Signal) (client.Result, error) {
	select {
	case <-interrupts: // by which it was left
	default:
		return r, left
	}
	if r.State.Final() {
		return r, left
	}
	fmt.Fprintf(p.err, "left job %s, which goes on; Ctrl-C again within %s cancels it\n", r.JobID, secondThought)
	select {
	case <-interrupts:
	case <-time.After(secondThought):
		return r, left
	}
	canceled, err := c.Cancel(context.WithoutCancel(ctx), r.JobID, nil)
	if err == nil {
		err = events.Errorf(events.CodeCanceled, "canceled job %s on %s", r.JobID, r.Worker)
	}
	return canceled, err
}

// detached says how to come back to a job that was started with -d.
func (p *program) detached(r client.Result) error {
	if p.json {
		return p.printJSON(resultView{Result: r, Plan: p.explained})
	}
	fmt.Fprintln(p.out, r.JobID)
	fmt.Fprintf(p.err, "come back with: moot logs -f %s; moot get %s; moot stop %s; moot cancel %s\n", r.JobID, r.JobID, r.JobID, r.JobID)
	return nil
}

// ending is the job's own exit code, for a job whose outputs are all here.
func ending(r client.Result) error {
	const most = 255 // more is no process's: the system would take the low byte, which may be 0
	switch {
	case r.ExitCode != nil && (*r.ExitCode < 0 || *r.ExitCode > most):
		return exit(cli.ExitInternal)
	case r.ExitCode != nil && *r.ExitCode != 0:
		return exit(*r.ExitCode)
	case r.State == events.JobDone:
		return nil
	default:
		return exit(cli.ExitTryLater)
	}
}

// epilogue is the last line that a person reads; timed says that the time is the job's.
func epilogue(r client.Result, timed bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "job %s on %s: %s", r.JobID, cli.Printable(cmp.Or(r.Name, r.Worker)), r.State)
	if r.ExitCode != nil {
		fmt.Fprintf(&b, ", exit code %d", *r.ExitCode)
	}
	if r.Reason != "" && r.Reason != string(r.State) {
		fmt.Fprintf(&b, " (%s)", cli.Printable(r.Reason))
	}
	if timed {
		fmt.Fprintf(&b, ", %s", time.Duration(r.Timings.TotalMS*float64(time.Millisecond)).Round(10*time.Millisecond))
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "\n  %s  %s", cli.Printable(o.Path), bytesText(o.Size))
	}
	return b.String()
}
