package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

// withJob is a command about one job, which do carries out.
func (p *program) withJob(cmd *cobra.Command, do func(ctx context.Context, c *client.Client, id string) error) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return events.AsError(usage("which job?")).WithTry("%s; moot jobs lists them", cmd.UseLine())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.inRoom(cmd.Context(), func(c *client.Client) error { return do(cmd.Context(), c, args[0]) })
	}
	return p.withJSON(cmd)
}

func (p *program) logsCommand() *cobra.Command {
	var follow, metrics bool
	cmd := p.withJob(&cobra.Command{
		Use:   "logs [-f] [--metrics] JOB",
		Short: "Show what a job of yours has said",
		Long: `Show what a job has said: stdout and stderr as they were, its progress on stderr.

With -f it stays to the job's end and exits with the job's own code; Ctrl-C leaves the
job as it is. Only who started the job may read it (MOOT_CLIENT_DIR). With --metrics what
the job has measured is drawn as curves instead, on stdout.`,
	}, func(ctx context.Context, c *client.Client, id string) error {
		if metrics {
			return p.metrics(ctx, c, id, follow)
		}
		s := p.screen(false)
		r, err := c.Logs(ctx, id, follow, s.update)
		s.close()
		if follow {
			return p.conclude(r, err)
		}
		if p.json {
			v := resultView{Result: r}
			return p.printWithError(&v, &v.Error, err)
		}
		return err
	})
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "stay to the job's end")
	cmd.Flags().BoolVar(&metrics, "metrics", false, "draw what the job has measured")
	return cmd
}

// noTerminal is how many columns a curve has where there is no terminal.
const noTerminal = 80

// metricsView is moot logs --metrics --json.
type metricsView struct {
	JobID   string        `json:"job_id"`
	Metrics []metricView  `json:"metrics"`
	Error   *events.Error `json:"error,omitempty"`
}

type metricView struct {
	Name   string    `json:"name"`
	Values []float64 `json:"values"` // in the order in which they came
}

// metrics draws what a job has measured, and shows nothing else of it.
func (p *program) metrics(ctx context.Context, c *client.Client, id string, follow bool) error {
	var all []series
	_, err := c.Logs(ctx, id, follow, func(u client.JobUpdate) {
		if u.Kind == client.UpdateMetric {
			all = gather(all, u.Event)
		}
	})
	if p.json {
		v := metricsView{JobID: id, Metrics: []metricView{}}
		for _, s := range all {
			v.Metrics = append(v.Metrics, metricView{s.name, s.values})
		}
		return p.printWithError(&v, &v.Error, err)
	}
	if _, failed := fmt.Fprint(p.out, curves(all, cmp.Or(terminalWidth(p.out), noTerminal))); failed != nil {
		return failed
	}
	return err
}

func (p *program) getCommand() *cobra.Command {
	var to string
	var force bool
	cmd := p.withJob(&cobra.Command{
		Use:   "get JOB",
		Short: "Bring the outputs of a job of yours, compared with their hashes",
	}, func(ctx context.Context, c *client.Client, id string) error {
		s := p.screen(false)
		r, err := c.Get(ctx, id, to, force, s.update)
		s.close()
		return p.report(r, err)
	})
	cmd.Flags().StringVar(&to, "to", "", "the folder for the outputs (default ./JOB_ID)")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that exist there")
	return cmd
}

func (p *program) stopCommand() *cobra.Command {
	return p.withJob(&cobra.Command{
		Use:   "stop JOB",
		Short: "Let a job of yours finish early (SIGINT) and keep its results",
	}, func(ctx context.Context, c *client.Client, id string) error {
		return p.report(c.Stop(ctx, id, nil))
	})
}

func (p *program) cancelCommand() *cobra.Command {
	return p.withJob(&cobra.Command{
		Use:   "cancel JOB",
		Short: "End a job of yours (SIGTERM, SIGKILL after 10 s) and keep nothing of it",
	}, func(ctx context.Context, c *client.Client, id string) error {
		return p.report(c.Cancel(ctx, id, nil))
	})
}

// report says how a job stands. What the command was to do is done if there is no error,
// however the job ended.
func (p *program) report(r client.Result, err error) error {
	if r.JobID == "" {
		if p.json && p.explained != nil {
			return p.printWithError(p.explained, &p.explained.Error, err)
		}
		return err
	}
	if p.json {
		v := resultView{Result: r, Plan: p.explained}
		return p.printWithError(&v, &v.Error, err)
	}
	if r.State != "" {
		fmt.Fprintln(p.err, epilogue(r, p.ran))
	}
	return err
}

// conclude is report for who stayed with the job to its end: the exit code is the job's.
func (p *program) conclude(r client.Result, err error) error {
	if failed := p.report(r, err); failed != nil || r.JobID == "" {
		return failed
	}
	return ending(r)
}
