package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// A program is one invocation: results go to out, everything else to err.
type program struct {
	out, err  io.Writer
	json      bool
	verbose   bool
	explained *planView // of run --explain
	ran       bool      // the command ran the job: its time is the job's
	over      overrides

	interrupts func() (presses <-chan os.Signal, stop func()) // Ctrl-C from now on
	hooks      func(*client.Config)                           // tests put a hub in process here
}

// An exit ends the program with a code and nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run executes a command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	began := false
	root := p.root(func() { began = true })
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if !began {
		p.json = p.json || wantsJSON(args)
	}
	if err != nil && !began && !coded(err) {
		err = usage("%s", err) // what cobra itself refuses is a wrong command line
	}
	if code := exit(0); errors.As(err, &code) {
		return int(code)
	}
	return cli.Report(p.err, p.out, err, p.json)
}

func coded(err error) bool {
	var e *events.Error
	return errors.As(err, &e)
}

// wantsJSON looks for --json where cobra did not come so far.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json")
}

// usage is the error of a wrong command line.
func usage(format string, args ...any) error {
	return events.Errorf(events.CodeUsage, format, args...).WithTry("moot --help")
}

func (p *program) root(begin func()) *cobra.Command {
	root := &cobra.Command{
		Use:           "moot",
		Short:         "Ask a room of GPU workers who is there, and run jobs on them",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		PersistentPreRun: func(*cobra.Command, []string) {
			begin()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return events.Errorf(events.CodeUsage, "%s", err).WithTry("%s --help", cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&p.over.hub, "hub", "", "the hub, as http://host:8480 (MOOT_HUB)")
	f.StringVar(&p.over.room, "room", "", "the room (MOOT_ROOM)")
	f.StringVar(&p.over.token, "token", "", "the join token; others on this machine may see it here (MOOT_TOKEN)")
	f.StringVar(&p.over.tokenFile, "token-file", "", "a file with the join token (MOOT_TOKEN_FILE)")
	f.BoolVarP(&p.verbose, "verbose", "v", false, "say on stderr what happens inside")
	root.AddCommand(p.workersCommand(), p.adminCommand(), p.watchCommand(), p.runCommand(), p.mapCommand(),
		p.jobsCommand(), p.logsCommand(), p.getCommand(), p.stopCommand(), p.cancelCommand(),
		p.lsCommand(), p.mountCommand(), p.versionCommand())
	return root
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(p.out, cli.VersionLine("moot")) },
	}
}

// withJSON gives a command that reads its --json.
func (p *program) withJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON")
	return cmd
}

// inRoom joins the room, does something there, and leaves it.
func (p *program) inRoom(ctx context.Context, do func(*client.Client) error) error {
	c, err := p.join(ctx)
	if err != nil {
		return err
	}
	defer p.leave(c)
	return do(c)
}

// join loads the settings and joins the room.
func (p *program) join(ctx context.Context) (*client.Client, error) {
	s, err := p.settings()
	if err != nil {
		return nil, err
	}
	level := "error"
	if p.verbose {
		level = "debug"
	}
	log, err := cli.Logger(p.err, level, cli.FormatText)
	if err != nil {
		return nil, err
	}
	cfg := s.config()
	cfg.Log, cfg.Warn = log, p.warn
	if p.hooks != nil {
		p.hooks(&cfg)
	}
	return client.Join(ctx, cfg)
}

func (p *program) warn(message string) { fmt.Fprintln(p.err, "warning:", cli.Printable(message)) }

// leave closes the client; what happened before is what counts.
func (p *program) leave(c *client.Client) {
	if err := c.Close(); err != nil && p.verbose {
		p.warn("did not leave the room cleanly: " + err.Error())
	}
}
