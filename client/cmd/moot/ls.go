package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

func (p *program) lsCommand() *cobra.Command {
	var after string
	var limit int
	cmd := p.withJSON(&cobra.Command{
		Use:   "ls WORKER NAME:/PATH",
		Short: "List a folder of a worker's mount",
		Long: `List what is in a folder of a mount, in the order of the names. moot workers --json
names the mounts of each worker. Of a large folder --after shows the next part.`,
		Example: "  moot ls brisk-otter data:/videos",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, ok := client.ParseMountRef(args[1])
			if !ok {
				return usage("%q is not NAME:/PATH, as data:/videos", args[1])
			}
			if limit < 1 {
				return usage("--limit %d is not a number of entries", limit)
			}
			return p.inRoom(cmd.Context(), func(c *client.Client) error {
				l, err := listing(cmd.Context(), c, args[0], ref, after, limit)
				if err != nil {
					return err
				}
				return p.printListing(args[0], ref, l)
			})
		},
	})
	cmd.Flags().StringVar(&after, "after", "", "only what follows this name")
	cmd.Flags().IntVar(&limit, "limit", 1000, "how many entries at most")
	return cmd
}

// listing asks for pages until the folder or the limit ends.
func listing(ctx context.Context, c *client.Client, worker string, folder client.MountRef, after string, limit int) (events.MountListing, error) {
	whole := events.MountListing{Entries: []events.MountEntry{}}
	for {
		page, err := c.List(ctx, worker, folder, after)
		if err != nil {
			return whole, err
		}
		whole.Entries, whole.More, whole.LeftOut = append(whole.Entries, page.Entries...), page.More, page.LeftOut
		if n := len(whole.Entries); n >= limit {
			whole.More = whole.More || n > limit
			whole.Entries = whole.Entries[:limit]
			return whole, nil
		}
		if !page.More || len(page.Entries) == 0 {
			return whole, nil
		}
		after = page.Entries[len(page.Entries)-1].Name
	}
}

// listingView is moot ls --json.
type listingView struct {
	Worker  string              `json:"worker"`
	Folder  string              `json:"folder"`
	Entries []events.MountEntry `json:"entries"`
	More    bool                `json:"more"`
	LeftOut int                 `json:"left_out,omitempty"`
}

func (p *program) printListing(worker string, folder client.MountRef, l events.MountListing) error {
	if p.json {
		return p.printJSON(listingView{worker, folder.String(), l.Entries, l.More, l.LeftOut})
	}
	for _, e := range l.Entries {
		fmt.Fprintf(p.out, "%10s  %s  %s\n", sizeOf(e), e.Modified.Local().Format(time.DateTime), cli.Printable(e.Name)+mark(e.Kind))
	}
	if l.More {
		fmt.Fprintf(p.err, "there is more: --after %s\n", cli.Printable(l.Entries[len(l.Entries)-1].Name))
	}
	if l.LeftOut > 0 {
		fmt.Fprintf(p.err, "%d entries have names that cannot be sent\n", l.LeftOut)
	}
	return nil
}

func sizeOf(e events.MountEntry) string {
	if e.Kind != events.EntryFile {
		return cli.Printable(e.Kind)
	}
	return bytesText(e.Size)
}

// mark is what ls -F puts behind a name.
func mark(kind string) string {
	switch kind {
	case events.EntryFolder:
		return "/"
	case events.EntryLink:
		return "@"
	}
	return ""
}
