package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

func (p *program) peerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "peer", Short: "List peers, and release their ids", Args: noArguments,
		Long: "List peers, and release their ids. The hub must run: --data DIR finds it, or --hub URL\nwith MOOTHALL_ADMIN_TOKEN.",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.peerListCommand(), p.peerReleaseCommand())
	return cmd
}

// asOperator gives a command what it needs to ask the running hub.
func (p *program) asOperator(cmd *cobra.Command, room *string, do func(context.Context, *operator, []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.settings(cmd)
		if err != nil {
			return err
		}
		o, err := p.operator(s)
		if err != nil {
			return err
		}
		return do(cmd.Context(), o, args)
	}
	cmd.Flags().StringVar(&p.flags.hub, "hub", "", "the hub's URL, with MOOTHALL_ADMIN_TOKEN; instead of --data")
	cmd.Flags().StringVar(room, "room", "", "only this room")
	return p.withJSON(p.withData(cmd))
}

type peerList struct {
	Peers []signaling.PeerRow `json:"peers"`
}

func (o *operator) peers(ctx context.Context, room string) (peerList, error) {
	var l peerList
	err := o.ask(ctx, http.MethodGet, "/v1/peers?"+url.Values{"room": {room}}.Encode(), &l)
	return l, err
}

func (p *program) peerListCommand() *cobra.Command {
	var room string
	cmd := &cobra.Command{Use: "ls", Short: "List the workers and chosen ids that the hub knows", Args: noArguments}
	return p.asOperator(cmd, &room, func(ctx context.Context, o *operator, _ []string) error {
		l, err := o.peers(ctx, room)
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(l)
		}
		w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PEER\tROOM\tSTATE\tADMIN\tKEY")
		for _, r := range l.Peers {
			admin := "-"
			if r.IsAdmin {
				admin = "admin"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.PeerID, r.RoomID, r.State, admin, r.NKey)
		}
		return w.Flush()
	})
}

func (p *program) peerReleaseCommand() *cobra.Command {
	var room string
	cmd := &cobra.Command{
		Use: "release ID", Short: "Let another key have a chosen peer id", Args: oneArgument("a peer id, as moothall peer ls shows it"),
		Long: "Let another key have a chosen peer id. The old key's credentials are refused and its connection is\n" +
			"closed first. Its token stays good: to keep it out, moothall token revoke.",
	}
	return p.asOperator(cmd, &room, func(ctx context.Context, o *operator, args []string) error {
		in, err := o.roomOf(ctx, args[0], room)
		if err != nil {
			return err
		}
		var released signaling.PeerRow
		if err := o.ask(ctx, http.MethodDelete, "/v1/rooms/"+url.PathEscape(in)+"/peers/"+url.PathEscape(args[0]), &released); err != nil {
			return err
		}
		if p.json {
			return p.printJSON(released)
		}
		_, err = fmt.Fprintf(p.out, "peer id %s of room %s is free: the next key that joins with it has it\n", released.PeerID, released.RoomID)
		return err
	})
}

// roomOf is the room that is meant: the only one with that peer id, if none is named.
func (o *operator) roomOf(ctx context.Context, peer, room string) (string, error) {
	if room != "" {
		return room, nil
	}
	l, err := o.peers(ctx, "")
	if err != nil {
		return "", err
	}
	var rooms []string
	for _, r := range l.Peers {
		if r.PeerID == peer {
			rooms = append(rooms, r.RoomID)
		}
	}
	switch len(rooms) {
	case 0:
		return "", events.Errorf(events.CodeInvalid, "the hub knows no peer %q", peer).WithTry("moothall peer ls")
	case 1:
		return rooms[0], nil
	}
	return "", events.Errorf(events.CodeUsage, "peer %s is in %d rooms", peer, len(rooms)).WithFact("%v", rooms).WithTry("--room ROOM")
}
