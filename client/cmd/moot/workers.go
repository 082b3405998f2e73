package main

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

const (
	// settle is how long changes are collected before the list is asked for again.
	settle = 200 * time.Millisecond
	// lookAgain finds what no event tells: status of workers without the registry.
	lookAgain = 5 * time.Second
)

func (p *program) workersCommand() *cobra.Command {
	var filter filterFlags
	var watch bool
	cmd := p.withJSON(&cobra.Command{
		Use:   "workers",
		Short: "List the room's workers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := filter.filters()
			if err != nil {
				return err
			}
			return p.inRoom(cmd.Context(), func(c *client.Client) error {
				if watch {
					return p.watchWorkers(cmd.Context(), c, f)
				}
				list, err := c.Workers(cmd.Context(), f)
				if err != nil {
					return err
				}
				return p.printWorkers(list, f)
			})
		},
	})
	filter.register(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "print the list again whenever it changes")
	return cmd
}

func (p *program) printWorkers(list events.WorkerList, f events.Filters) error {
	if p.json {
		return p.printJSON(listView(list))
	}
	if _, err := io.WriteString(p.out, table(list, terminalWidth(p.out))); err != nil {
		return err
	}
	fmt.Fprint(p.err, footer(list, f))
	return nil
}

// watchWorkers prints the list now and whenever it is another one, until ctx ends.
func (p *program) watchWorkers(ctx context.Context, c *client.Client, f events.Filters) error {
	ctx, stop := whileAdmitted(ctx, c)
	defer stop()
	happened, err := c.Watch(ctx)
	if err != nil {
		return err
	}
	var shown []workerView
	for first := true; ; first = false {
		list, err := c.Workers(ctx, f)
		switch {
		case ctx.Err() != nil:
			return over(c)
		case err != nil && first:
			return err
		case err != nil:
			p.warn(err.Error())
		default:
			if now := listView(list).Workers; first || !same(shown, now) {
				shown = now
				if err := p.printWorkers(list, f); err != nil {
					return err
				}
			}
		}
		if !waitForChange(ctx, happened) {
			return over(c)
		}
	}
}

// waitForChange returns a moment after an event, with those that come in it, or after
// a while without any; false when ctx has ended.
func waitForChange(ctx context.Context, happened <-chan client.Event) bool {
	idle := time.After(lookAgain)
	var settled <-chan time.Time
	for {
		select {
		case _, ok := <-happened:
			if !ok {
				return false
			}
			if settled == nil {
				settled = time.After(settle)
			}
		case <-settled:
			return true
		case <-idle:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// same compares lists by what is not a clock.
func same(a, b []workerView) bool {
	still := func(ws []workerView) []workerView {
		out := make([]workerView, len(ws))
		for i, w := range ws {
			w.LastHeartbeat = events.Time{}
			out[i] = w
		}
		return out
	}
	return reflect.DeepEqual(still(a), still(b))
}

// footer is what a person wants to know beside the table.
func footer(list events.WorkerList, f events.Filters) string {
	var b strings.Builder
	switch {
	case list.Total == 0:
		fmt.Fprintf(&b, "room %q has no workers\n", list.RoomID)
	case len(list.Workers) == 0:
		fmt.Fprintf(&b, "no worker in room %q matches\n", list.RoomID)
	}
	for _, r := range list.Rejected {
		fmt.Fprintf(&b, "  %s %s\n", cli.Printable(r.PeerID), cli.Printable(r.Reason))
	}
	if list.AdminPeerID != "" {
		fmt.Fprintf(&b, "* = admin (term %d).  ", list.Term.N)
	}
	if !reflect.DeepEqual(f, events.Filters{}) {
		fmt.Fprintf(&b, "%d of %d workers match.  ", len(list.Workers), list.Total)
	}
	fmt.Fprintf(&b, "Source: %s, %.0f ms\n", cli.Printable(list.Source), list.QueryMS)
	if list.Stale {
		b.WriteString("warning: the admin is cut off from the hub; this is the last known roster\n")
	}
	return b.String()
}

// printJSON writes one document, or one line of many, whole.
func (p *program) printJSON(v any) error { return cli.WriteJSON(p.out, v) }

// interrupt ends a command that runs until Ctrl-C.
const interrupt = exit(130)
