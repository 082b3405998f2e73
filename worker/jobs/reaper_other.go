//go:build !linux

package jobs

import "os/exec"

func inherit() error { return nil }

func startWithin(cmd *exec.Cmd, _ int) error { return cmd.Start() }

func withoutPrivileges(start func() error) error { return start() }
