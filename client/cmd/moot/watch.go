package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events/cli"
)

func (p *program) watchCommand() *cobra.Command {
	return p.withJSON(&cobra.Command{
		Use:   "watch",
		Short: "Print what happens in the room",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.inRoom(cmd.Context(), func(c *client.Client) error { return p.watch(cmd.Context(), c) })
		},
	})
}

func (p *program) watch(ctx context.Context, c *client.Client) error {
	ctx, stop := whileAdmitted(ctx, c)
	defer stop()
	happened, err := c.Watch(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.err, "watching room", c.Room())
	for e := range happened {
		if err := p.printEvent(e); err != nil {
			return err
		}
	}
	return over(c)
}

func (p *program) printEvent(e client.Event) error {
	if p.json {
		return p.printJSON(e)
	}
	h := e.Happened()
	_, err := fmt.Fprintf(p.out, "%s  %-13s  %s\n", h.Time.Local().Format("15:04:05"), h.Type, cli.Printable(sentence(e)))
	return err
}

func sentence(e client.Event) string {
	switch e := e.(type) {
	case *client.AdminElected:
		was := ""
		if e.PreviousAdminPeerID != "" {
			was = fmt.Sprintf(", was %s", e.PreviousAdminPeerID)
		}
		return fmt.Sprintf("%s in term %d (%s%s), room of %d, %.0f ms", e.AdminPeerID, e.Term, e.Reason, was, e.NumWorkers, e.ElectionTimeMS)
	case *client.PeerJoined:
		return fmt.Sprintf("%s#%d", e.PeerID, e.Incarnation)
	case *client.PeerLeft:
		return fmt.Sprintf("%s (%s)", e.PeerID, e.Reason)
	case *client.WorkerStatus:
		if e.CurrentJob != "" {
			return fmt.Sprintf("%s is %s with %s", e.PeerID, e.Status, e.CurrentJob)
		}
		return fmt.Sprintf("%s is %s", e.PeerID, e.Status)
	case *client.JobChanged:
		return fmt.Sprintf("%s on %s is %s", e.JobID, e.Worker, e.State)
	}
	return ""
}

// whileAdmitted is ctx until the client's token has ended.
func whileAdmitted(ctx context.Context, c *client.Client) (context.Context, func()) {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		select {
		case <-c.Ended():
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}

// over is the end of a command that runs until Ctrl-C, or until the token has ended.
func over(c *client.Client) error {
	if err := c.Err(); err != nil {
		return err
	}
	return interrupt
}
