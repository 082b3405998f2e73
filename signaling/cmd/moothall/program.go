package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// A program is one call of moothall: results go to out, everything else to err.
type program struct {
	out, err io.Writer
	json     bool
	flags    flags
}

// run carries a command line out and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	return cli.Report(p.err, p.out, err, p.json || slices.Contains(args, "--json"))
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "moothall",
		Short:         "The hub of rooms of GPU workers",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%v", err) })
	root.AddCommand(p.upCommand(), p.tokenCommand(), p.peerCommand(), p.credsCommand(), p.versionCommand())
	return root
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		Run: func(*cobra.Command, []string) { fmt.Fprintln(p.out, cli.VersionLine("moothall")) },
	}
}

// withData gives a command the folder it works on.
func (p *program) withData(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&p.flags.data, "data", "", "the hub's data folder (MOOTHALL_DATA)")
	return cmd
}

// withJSON gives a command its --json.
func (p *program) withJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON")
	return cmd
}

func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// usage is the error of a wrong command line.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return events.Errorf(events.CodeUsage, format, args...).WithTry("%s --help", cmd.CommandPath())
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return usage(cmd, "%s has no command %q", cmd.CommandPath(), args[0])
	}
	return usage(cmd, "%s takes no argument %q", cmd.CommandPath(), args[0])
}

// coded keeps an *events.Error's code and says what it was about.
func coded(err error, code events.Code) error {
	var e *events.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return events.Errorf(code, "%v", err)
}
