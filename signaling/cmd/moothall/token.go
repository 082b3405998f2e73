package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke join tokens", Args: noArguments,
		Long: "Make, list and revoke join tokens, in the data folder or at the hub of --hub. With the folder the\n" +
			"hub need not run; if it does, it takes a new token at once, and closes what a revoked one had\n" +
			"opened within two seconds.",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.tokenNewCommand(), p.tokenListCommand(), p.tokenRevokeCommand(), p.tokenRotateCommand())
	return cmd
}

func (p *program) tokenNewCommand() *cobra.Command {
	var q signaling.TokenRequest
	var role string
	cmd := &cobra.Command{
		Use: "new", Short: "Make a join token and print it", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"room", "role"} {
				if !cmd.Flags().Changed(name) {
					return usage(cmd, "no --%s", name)
				}
			}
			if q.TTL <= 0 {
				return usage(cmd, "--ttl %s: a token must live", q.TTL)
			}
			q.Role = events.Role(role)
			if p.flags.hub != "" {
				return p.remotely(cmd, func(o *operator) error { return p.orderToken(cmd.Context(), o, q) })
			}
			data, err := p.data(cmd)
			if err != nil {
				return err
			}
			return p.tokenNew(data, q, time.Now())
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Room, "room", "", "the room it admits to")
	f.StringVar(&role, "role", "", "worker, client or viewer")
	f.DurationVar(&q.TTL, "ttl", signaling.DefaultTokenTTL, "how long it works")
	f.StringVar(&q.ID, "id", "", "its name in the list, default random; a token with a name fits the first key that joins with it, and no other")
	f.StringVar(&q.PeerID, "peer", "", "the only peer id it admits, default any")
	return p.withJSON(p.withHub(p.withData(cmd)))
}

// data is the data folder that a command is for.
func (p *program) data(cmd *cobra.Command) (dataDir, error) {
	s, err := p.settings(cmd)
	if err != nil {
		return "", err
	}
	return findData(s.Data)
}

func (p *program) tokens(cmd *cobra.Command) (*signaling.Tokens, error) {
	data, err := p.data(cmd)
	if err != nil {
		return nil, err
	}
	return data.tokens()
}

// A tokenView is a token as people and scripts see it.
type tokenView struct {
	ID      string      `json:"id"`
	RoomID  string      `json:"room_id"`
	Role    events.Role `json:"role"`
	PeerID  string      `json:"peer_id,omitempty"`
	Created events.Time `json:"created"`
	Expires events.Time `json:"expires"`
	Expired bool        `json:"expired"`
	Revoked events.Time `json:"revoked,omitzero"`
	OneKey  bool        `json:"one_key,omitempty"`
	NKey    string      `json:"nkey,omitempty"`  // of the key that has it
	Token   string      `json:"token,omitempty"` // of a new one only
}

func viewOf(i signaling.TokenInfo, now time.Time) tokenView {
	return tokenView{
		ID: i.ID, RoomID: i.Room, Role: i.Role, PeerID: i.PeerID,
		Created: i.Created, Expires: i.Expires, Expired: !now.Before(i.Expires.Time),
		Revoked: i.Revoked, OneKey: i.OneKey, NKey: i.NKey,
	}
}

func (p *program) tokenNew(data dataDir, q signaling.TokenRequest, now time.Time) error {
	tokens, err := data.tokens()
	if err != nil {
		return err
	}
	text, info, err := tokens.New(q, now)
	if err != nil {
		return coded(err, events.CodeFile)
	}
	return p.showToken(info, events.PinToken(text, data.pin()), now)
}

func (p *program) showToken(info signaling.TokenInfo, text string, now time.Time) error {
	if p.json {
		v := viewOf(info, now)
		v.Token = text
		return p.printJSON(v)
	}
	fmt.Fprintf(p.err, "token %s: %s of room %s until %s; it is not shown again\n", info.ID, info.Role, info.Room, info.Expires.UTC().Format(time.RFC3339))
	_, err := fmt.Fprintln(p.out, text)
	return err
}

func (p *program) tokenListCommand() *cobra.Command {
	return p.withJSON(p.withHub(p.withData(&cobra.Command{
		Use: "ls", Short: "List join tokens", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.flags.hub != "" {
				return p.remotely(cmd, func(o *operator) error { return p.askTokens(cmd.Context(), o) })
			}
			tokens, err := p.tokens(cmd)
			if err != nil {
				return err
			}
			all, err := tokens.List()
			if err != nil {
				return coded(err, events.CodeFile)
			}
			return p.tokenList(all, time.Now())
		},
	})))
}

func (p *program) tokenList(all []signaling.TokenInfo, now time.Time) error {
	views := make([]tokenView, 0, len(all))
	for _, i := range all {
		views = append(views, viewOf(i, now))
	}
	if p.json {
		return p.printJSON(map[string]any{"tokens": views})
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tROOM\tROLE\tPEER\tEXPIRES")
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, v.RoomID, v.Role, orDash(v.PeerID), v.end())
	}
	return w.Flush()
}

// end is until when a token works, in words.
func (v tokenView) end() string {
	expires := v.Expires.UTC().Format(time.RFC3339)
	switch {
	case !v.Revoked.IsZero():
		return expires + " (revoked)"
	case v.Expired:
		return expires + " (expired)"
	case v.OneKey && v.NKey != "":
		return expires + " (taken)"
	}
	return expires
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
