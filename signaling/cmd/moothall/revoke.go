package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

func (p *program) tokenRevokeCommand() *cobra.Command {
	return p.withJSON(p.withHub(p.withData(&cobra.Command{
		Use: "revoke ID", Short: "Take a join token back, and put out whom it admitted",
		Args: oneArgument("the token's ID, as moothall token ls shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.flags.hub != "" {
				return p.remotely(cmd, func(o *operator) error { return p.askRevoke(cmd.Context(), o, args[0]) })
			}
			tokens, err := p.tokens(cmd)
			if err != nil {
				return err
			}
			info, err := tokens.Revoke(args[0], time.Now())
			if err != nil {
				return coded(err, events.CodeFile)
			}
			return p.showRevoked(info, "a running hub closes what it opened within two seconds")
		},
	})))
}

func (p *program) showRevoked(info signaling.TokenInfo, then string) error {
	if p.json {
		return p.printJSON(viewOf(info, time.Now()))
	}
	_, err := fmt.Fprintf(p.out, "token %s is revoked: %s\n", info.ID, then)
	return err
}

func (p *program) tokenRotateCommand() *cobra.Command {
	var grace time.Duration
	cmd := &cobra.Command{
		Use: "rotate", Short: "Replace the keys that sign credentials", Args: noArguments,
		Long: "Replace the keys that sign credentials. Join tokens stay. Credentials of the former keys are taken\n" +
			"for --grace longer; workers and clients get new ones by themselves meanwhile, without a restart.\n" +
			"Credentials that nobody renews, such as viewer.creds and those of moothall creds, end with it.\n" +
			"With --grace 0 the former keys are gone at once: all peers are cut off for a few seconds.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if grace < 0 {
				return usage(cmd, "--grace %s: it cannot be negative", grace)
			}
			if p.flags.hub != "" {
				return p.remotely(cmd, func(o *operator) error { return p.orderRotation(cmd.Context(), o, grace) })
			}
			data, err := p.data(cmd)
			if err != nil {
				return err
			}
			return p.rotate(data, grace, time.Now())
		},
	}
	cmd.Flags().DurationVar(&grace, "grace", signaling.DefaultJWTLife, "how long credentials of the former keys are taken")
	return p.withJSON(p.withHub(p.withData(cmd)))
}

func (p *program) rotate(data dataDir, grace time.Duration, now time.Time) error {
	r, err := embedded.Rotate(data.path("keys"), grace, now)
	if err != nil {
		return coded(err, events.CodeConfig)
	}
	return p.showRotation(signaling.RotationOf(r))
}

func (p *program) showRotation(r signaling.Rotation) error {
	if p.json {
		return p.printJSON(r)
	}
	_, err := fmt.Fprintf(p.out, "the signing keys are new; credentials of the former ones end by %s\n", r.FormerUntil.UTC().Format(time.RFC3339))
	return err
}

// oneArgument is for commands with an argument, described for whoever forgot it.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usage(cmd, "%s needs %s", cmd.CommandPath(), what)
		case 1:
			return nil
		}
		return usage(cmd, "%s takes no argument %q", cmd.CommandPath(), args[1])
	}
}
