package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/worker/settings"
)

// A program is one call of moot-worker: where it prints, and its flags.
type program struct {
	out, err io.Writer

	json    bool
	envHelp bool
	check   bool
	code    int // exit code of a command that reports by itself
}

// run carries a command line out and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	if err := root.ExecuteContext(ctx); err != nil {
		return cli.Report(p.err, p.out, err, p.json)
	}
	return p.code
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "moot-worker",
		Short: "Offer this machine to a Moothall room",
		Long: "Offer this machine to a Moothall room.\n\n" +
			"The worker is configured by its environment; --env-help lists the variables.\n" +
			"SIGTERM drains it: no new job, the running one may end, goodbye, exit 0.",
		Args:              noArguments,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              func(c *cobra.Command, _ []string) error { return p.main(c.Context()) },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, "%v", err) })
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print one JSON object")
	root.Flags().BoolVar(&p.envHelp, "env-help", false, "list the environment variables and exit")
	root.Flags().BoolVar(&p.check, "check", false, "check the environment, print what is in effect and exit")
	root.AddCommand(
		&cobra.Command{
			Use: "doctor", Short: "Look for what could keep this worker from working", Args: noArguments,
			RunE: func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) },
		},
		&cobra.Command{
			Use: "version", Short: "Print the version", Args: noArguments,
			RunE: func(*cobra.Command, []string) error { return p.version() },
		},
	)
	return root
}

// main is moot-worker without a command.
func (p *program) main(ctx context.Context) error {
	switch {
	case p.envHelp:
		_, err := io.WriteString(p.out, settings.Help())
		return err
	case p.check:
		return p.checkSettings()
	}
	return p.work(ctx)
}

func (p *program) version() error {
	if p.json {
		return p.print(map[string]string{
			"program": "moot-worker", "version": cli.Version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintln(p.out, cli.VersionLine("moot-worker"))
	return err
}

// print writes one JSON document.
func (p *program) print(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(c, "%s has no command or argument %q", c.CommandPath(), args[0])
}

func usage(c *cobra.Command, format string, args ...any) error {
	return events.Errorf(events.CodeUsage, format, args...).WithTry("%s --help", c.CommandPath())
}
