package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// say reports to the parent. The time is taken here, by the process that saw it,
// before anything is written.
func say(kind, value string) {
	fmt.Printf("%d %s %s\n", time.Now().UnixNano(), kind, value)
}

// endWithParent ends this process when the parent, however it ended, lets go of the
// other end of standard input.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A report is what a child said.
type report struct {
	from, kind, value string
	at                time.Time
}

// A child is a process of this program that plays a role.
type child struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer
	at   string // its address, once it said so
}

// start starts a child, whose reports go to a channel until it ends. The last is
// "ended".
func start(peer, role string, c config, reports chan<- report) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append([]string{"-peer", peer, "-role", role, "-name", c.name, "-dir", c.dir}, c.join...)
	ch := &child{name: c.name, cmd: exec.Command(self, args...)}
	log, err := os.Create(filepath.Join(c.dir, c.name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ch.cmd.Stderr = log
	out, err := ch.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if ch.in, err = ch.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := ch.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if r, ok := parse(c.name, lines.Text()); ok {
				reports <- r
			}
		}
		err := ch.cmd.Wait()
		reports <- report{from: c.name, kind: "ended", value: fmt.Sprint(err), at: time.Now()}
	}()
	return ch, nil
}

// parse reads a line of a child; what the libraries print is none.
func parse(from, line string) (report, bool) {
	at, rest, _ := strings.Cut(line, " ")
	kind, value, ok := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(at, 10, 64)
	return report{from: from, kind: kind, value: value, at: time.Unix(0, n)}, ok && err == nil
}
