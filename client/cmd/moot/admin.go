package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

func (p *program) adminCommand() *cobra.Command {
	var watch bool
	cmd := p.withJSON(&cobra.Command{
		Use:   "admin",
		Short: "Show who is the room's admin",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.inRoom(cmd.Context(), func(c *client.Client) error {
				if watch {
					return p.watchAdmin(cmd.Context(), c)
				}
				info, err := c.Admin(cmd.Context())
				if err != nil {
					return err
				}
				return p.printAdmin(info)
			})
		},
	})
	cmd.Flags().BoolVar(&watch, "watch", false, "print each change, beginning with the current admin")
	return cmd
}

// watchAdmin prints the present admin, or that there is none, and each change.
func (p *program) watchAdmin(ctx context.Context, c *client.Client) error {
	ctx, stop := whileAdmitted(ctx, c)
	defer stop()
	changes, err := c.WatchAdmin(ctx)
	if err != nil {
		return err
	}
	info, err := c.Admin(ctx)
	if err != nil {
		return err
	}
	if info.AdminPeerID == "" {
		if err := p.printAdmin(info); err != nil {
			return err
		}
	}
	for a := range changes {
		if err := p.printAdmin(adminOf(a)); err != nil {
			return err
		}
	}
	return over(c)
}

func adminOf(a events.Announcement) client.AdminInfo {
	return client.AdminInfo{
		RoomID: a.RoomID, AdminPeerID: a.AdminPeerID, Incarnation: a.Incarnation, Term: a.Term.N, Since: a.Time, Reason: a.Reason,
	}
}

func (p *program) printAdmin(i client.AdminInfo) error {
	if p.json {
		return p.printJSON(i)
	}
	var err error
	if i.AdminPeerID == "" {
		_, err = fmt.Fprintf(p.out, "room %q has no admin (term %d has ended)\n", i.RoomID, i.Term)
	} else {
		_, err = fmt.Fprintf(p.out, "%s is admin of room %q in term %d since %s (%s)\n",
			i.AdminPeerID, i.RoomID, i.Term, i.Since.Local().Format(time.DateTime), i.Reason)
	}
	return err
}
