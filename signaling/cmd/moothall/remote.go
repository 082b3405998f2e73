package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/signaling"
)

// withHub gives a command that works on the data folder the hub to ask instead.
func (p *program) withHub(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&p.flags.hub, "hub", "", "the hub's URL, with MOOTHALL_ADMIN_TOKEN; instead of --data")
	return cmd
}

// remotely asks the hub of --hub.
func (p *program) remotely(cmd *cobra.Command, do func(*operator) error) error {
	s, err := p.settings(cmd)
	if err != nil {
		return err
	}
	o, err := p.operator(s)
	if err != nil {
		return err
	}
	return do(o)
}

func (p *program) orderToken(ctx context.Context, o *operator, q signaling.TokenRequest) error {
	var made signaling.NewToken
	order := signaling.TokenOrder{RoomID: q.Room, Role: q.Role, TTLMS: q.TTL.Milliseconds(), ID: q.ID, PeerID: q.PeerID}
	if err := o.send(ctx, http.MethodPost, "/v1/tokens", order, &made); err != nil {
		return err
	}
	return p.showToken(made.TokenInfo, made.Text, time.Now())
}

func (p *program) askTokens(ctx context.Context, o *operator) error {
	var all signaling.TokenList
	if err := o.ask(ctx, http.MethodGet, "/v1/tokens", &all); err != nil {
		return err
	}
	return p.tokenList(all.Tokens, time.Now())
}

func (p *program) askRevoke(ctx context.Context, o *operator, id string) error {
	var info signaling.TokenInfo
	if err := o.ask(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), &info); err != nil {
		return err
	}
	return p.showRevoked(info, "what it had opened is closed")
}

func (p *program) orderRotation(ctx context.Context, o *operator, grace time.Duration) error {
	var r signaling.Rotation
	ms := grace.Milliseconds()
	if err := o.send(ctx, http.MethodPost, "/v1/keys/rotate", signaling.RotationOrder{GraceMS: &ms}, &r); err != nil {
		return err
	}
	return p.showRotation(r)
}
