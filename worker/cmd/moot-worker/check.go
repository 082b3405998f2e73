package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/worker/settings"
)

// checkSettings is --check: what is in effect, or what is wrong with it.
func (p *program) checkSettings() error {
	s, err := settings.Load()
	if err != nil {
		return err
	}
	warnings := slices.Concat(settings.Warnings(), s.Commands.Missing())
	if p.json {
		return p.print(struct {
			Settings []cli.Value `json:"settings"`
			Warnings []string    `json:"warnings"`
		}{s.Effective(), append([]string{}, warnings...)})
	}
	for _, w := range warnings {
		fmt.Fprintln(p.err, "warning:", w)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tFROM\tVALUE")
	for _, v := range s.Effective() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, v.Source, v.Value)
	}
	return w.Flush()
}
