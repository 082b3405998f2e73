package main

import (
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
		c, err := p.join(cmd.Context())
		if err != nil {
			return err
		}
		defer p.leave(c)
		return do(cmd.Context(), c, args[0])
	}
	return p.withJSON(cmd)
}

func (p *program) logsCommand() *cobra.Command {
	var follow bool
	cmd := p.withJob(&cobra.Command{
		Use:   "logs [-f] JOB",
		Short: "Show what a job of yours has said",
		Long: `Show what a job has said: stdout and stderr as they were, its progress on stderr.

With -f it stays to the job's end and exits with the job's own code; Ctrl-C leaves the
job as it is. Only who started the job may read it (MOOT_CLIENT_DIR).`,
	}, func(ctx context.Context, c *client.Client, id string) error {
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
	return cmd
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
		fmt.Fprintln(p.err, epilogue(r))
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
