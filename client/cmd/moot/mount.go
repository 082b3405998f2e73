package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

func (p *program) mountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mount",
		Short: "Say which local folders are the same as a mount of the workers",
		Long: `A share that is mounted here and on workers need not be sent: after

  moot mount add /Volumes/lab data:/

an input -i /Volumes/lab/videos/a.mp4 is data:/videos/a.mp4 for each worker that has
the mount data, and is sent to the others. It is remembered for the hub in MOOT_HUB.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.mountAddCommand(), p.mountListCommand(), p.mountRemoveCommand())
	return cmd
}

func (p *program) mountAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add FOLDER NAME:/PATH",
		Short: "Say that a local folder is a folder of a mount",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			ref, ok := client.ParseMountRef(args[1])
			if !ok {
				return usage("%q is not NAME:/PATH, as data:/", args[1])
			}
			local, err := localFolder(args[0])
			if err != nil {
				return err
			}
			m, hub, err := p.mappings()
			if err != nil {
				return err
			}
			return m.Add(hub, client.MountMapping{Local: local, Ref: ref})
		},
	}
}

func localFolder(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return "", events.Errorf(events.CodeFile, "%s is not a folder", path)
	}
	if err != nil {
		return "", events.Errorf(events.CodeFile, "%v", err)
	}
	return filepath.Abs(path)
}

// mappingView is one line of moot mount ls --json.
type mappingView struct {
	Local string `json:"local"`
	Mount string `json:"mount"`
}

func (p *program) mountListCommand() *cobra.Command {
	return p.withJSON(&cobra.Command{
		Use:   "ls",
		Short: "List them",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			m, hub, err := p.mappings()
			if err != nil {
				return err
			}
			doc := struct {
				Hub    string        `json:"hub"`
				Mounts []mappingView `json:"mounts"`
			}{hub, []mappingView{}}
			for _, x := range m.Of(hub) {
				doc.Mounts = append(doc.Mounts, mappingView{x.Local, x.Ref.String()})
			}
			if p.json {
				return p.printJSON(doc)
			}
			for _, x := range doc.Mounts {
				fmt.Fprintf(p.out, "%s  %s\n", cli.Printable(x.Local), cli.Printable(x.Mount))
			}
			return nil
		},
	})
}

func (p *program) mountRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm FOLDER",
		Short: "Forget one",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			local, err := filepath.Abs(args[0])
			if err != nil {
				return events.Errorf(events.CodeFile, "%v", err)
			}
			m, hub, err := p.mappings()
			if err != nil {
				return err
			}
			removed, err := m.Remove(hub, local)
			if err == nil && !removed {
				err = usage("%s is not the folder of a mount here", local)
			}
			return err
		},
	}
}

// mappings are those of this person, and the hub that is meant.
func (p *program) mappings() (*client.Mappings, string, error) {
	if err := p.over.apply(); err != nil {
		return nil, "", err
	}
	hub := os.Getenv("MOOT_HUB")
	if hub == "" {
		return nil, "", events.Errorf(events.CodeConfig, "MOOT_HUB is empty: mounts are remembered for a hub")
	}
	dir, err := clientDir()
	if err != nil {
		return nil, "", err
	}
	m, err := client.OpenMappings(dir)
	return m, hub, err
}

// mounts are the mappings for the hub that is meant; none where nobody can have named any.
func (p *program) mounts() ([]client.MountMapping, error) {
	if err := p.over.apply(); err != nil {
		return nil, err
	}
	dir, err := clientDir()
	hub := os.Getenv("MOOT_HUB")
	if err != nil || hub == "" {
		return nil, nil //nolint:nilerr // what is missing is told of when the room is joined
	}
	m, err := client.OpenMappings(dir)
	if err != nil {
		return nil, err
	}
	return m.Of(hub), nil
}

// clientDir is the folder of what this client remembers.
func clientDir() (string, error) {
	dir := (&settings{ClientDir: os.Getenv("MOOT_CLIENT_DIR")}).ownerDir()
	if dir == "" {
		return "", events.Errorf(events.CodeConfig, "MOOT_CLIENT_DIR is not set, and this user has no folder for settings")
	}
	return dir, nil
}
