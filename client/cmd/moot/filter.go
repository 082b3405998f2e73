package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/moothall/moothall/events"
)

// filterFlags are the flags that narrow which workers are meant.
type filterFlags struct {
	status, memory, model string
	tags                  []string
}

func (f *filterFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.status, "status", "", "only workers of this status: "+strings.Join(statuses, ", "))
	flags.StringVar(&f.memory, "min-gpu-memory", "", "at least this much GPU memory: 8GiB, 24GB, or MB as a bare number")
	flags.StringVar(&f.model, "gpu-model", "", "only GPUs with this in their name")
	flags.StringArrayVar(&f.tags, "tag", nil, "only workers with the tag k=v (may be repeated)")
	must(cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statuses, cobra.ShellCompDirectiveNoFileComp)))
}

var statuses = []string{
	string(events.StatusAvailable), string(events.StatusReserved), string(events.StatusBusy), string(events.StatusDraining),
}

// filters reads the flags.
func (f *filterFlags) filters() (events.Filters, error) {
	out := events.Filters{GPUModel: f.model, Status: events.Status(f.status)}
	if f.status != "" && !out.Status.Valid() {
		return out, usage("--status %q is not one of %s", f.status, strings.Join(statuses, ", "))
	}
	mb, err := megabytes(f.memory)
	if err != nil {
		return out, err
	}
	out.MinGPUMemoryMB = mb
	for _, tag := range f.tags {
		k, v, ok := strings.Cut(tag, "=")
		if !ok || k == "" {
			return out, usage("--tag %q is not of the form k=v", tag)
		}
		if out.Tags == nil {
			out.Tags = map[string]string{}
		}
		out.Tags[k] = v
	}
	return out, nil
}

var sizeText = regexp.MustCompile(`(?i)^[0-9]+(\.[0-9]+)? ?([kmgt]i?b?)?$`)

// megabytes reads a size of memory as MiB, rounded up. A bare number is in MiB, as
// nvidia-smi has it; GB are 1000 MB as on the box of a card, GiB 1024 MiB.
func megabytes(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	if mb, err := strconv.ParseInt(text, 10, 64); err == nil && mb >= 0 {
		return mb, nil
	}
	size, err := humanize.ParseBytes(text)
	if err != nil || !sizeText.MatchString(text) {
		return 0, usage("--min-gpu-memory %q is not a size; write 8GiB, 24GB or 8192", text)
	}
	const mib = 1 << 20
	return int64(size/mib) + int64(min(size%mib, 1)), nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
