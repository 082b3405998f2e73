package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

// another is a user that a worker of root's can give its commands to.
func another(t *testing.T) *User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	u := new(User)
	if err := u.UnmarshalText([]byte("nobody")); err != nil {
		t.Fatal(err)
	}
	return u
}

// rigOf is a rig whose folder the user can reach.
func rigOf(t *testing.T, u *User, change func(*Config)) *rig {
	t.Helper()
	state := t.TempDir()
	if err := os.Chmod(filepath.Dir(state), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(filepath.Dir(state)); strings.HasPrefix(dir, os.TempDir()); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && !u.passes(info) {
			if err := os.Chmod(dir, passOnly); err != nil { // of the tests' own
				t.Fatal(err)
			}
		}
	}
	dir := filepath.Join(state, "jobs")
	if err := u.Admit(state, dir); err != nil {
		t.Fatal(err)
	}
	return newRig(t, func(c *Config) {
		c.Dir, c.User = dir, u
		if change != nil {
			change(c)
		}
	})
}

// Issue 6: under MOOT_JOB_USER a command is that user, reaches its own folders, and
// nothing of the worker's.
func TestUser_CommandsRunAsIt(t *testing.T) {
	u := another(t)
	r := rigOf(t, u, nil)
	c := r.call("alice")
	dir := filepath.Dir(r.store.dir)
	for name, mode := range map[string]os.FileMode{"key": 0o600, "jobs/j-bbbbbbbb": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), mode); err != nil {
			t.Fatal(err)
		}
	}
	c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{`
		id -u; id -g; echo $HOME; pwd >/dev/null && echo home; grep NoNewPrivs /proc/self/status
		for f in ../order.json ../job.json ../events.jsonl ../control ../bell ../../../key ../../j-bbbbbbbb /proc/$PPID/environ; do cat $f 2>/dev/null && echo "reads $f"; done
		ls .. 2>/dev/null && echo "lists .."; ls ../.. 2>/dev/null && echo "lists ../.."
		touch ../x 2>/dev/null && echo "writes .."; mv ../work ../w 2>/dev/null && echo "moves its folder"
		kill -9 $PPID 2>/dev/null && echo "kills its supervisor"
		echo data > $MOOT_OUT/result; mkdir $MOOT_OUT/sub; echo x > $MOOT_OUT/sub/x; chmod 700 $MOOT_OUT/sub; chmod 600 $MOOT_OUT/sub/x`}})
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	want := []string{fmt.Sprint(u.UID), fmt.Sprint(u.GID), u.Home, "home", "NoNewPrivs:\t1"}
	if diff := cmp.Diff(want, lines(all, events.StreamStdout)); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, o := range last.Outputs {
		names = append(names, o.Name)
	}
	if !slices.Equal(names, []string{"result", "sub/x"}) {
		t.Errorf("outputs %q", names)
	}
}

// What the user may not read does not come back, whatever leads to it.
func TestUser_FilesOfOthersDoNotComeBack(t *testing.T) {
	u := another(t)
	r := rigOf(t, u, nil)
	secret := filepath.Join(r.store.dir, "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := r.call("alice")
	id := c.start("sh", `ln -s `+secret+` "$MOOT_OUT/link"; echo up; until [ -e go ]; do sleep 0.01; done`)
	c.until(says("up"))
	work := filepath.Join(r.store.dir, id, "work")
	if err := os.Link(secret, filepath.Join(work, "out", "hard")); err != nil { // as a system without fs.protected_hardlinks lets it
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, last := c.end()
	if last.State != events.JobFailed || len(last.Outputs) > 0 || last.Reason != "output hard belongs to another user than the job" {
		t.Errorf("ended as %+v", last)
	}
}

// A user other than root cannot even fork beyond the limit, and one that has many
// processes already is left room for as many more.
func TestUser_CannotForkBeyondItsLimit(t *testing.T) {
	u := another(t)
	r := rigOf(t, u, func(c *Config) { c.Limits.Processes = 40 })
	present := tasksOf(u.UID)
	c := r.call("alice")
	id := c.start("sh", `ulimit -p 2>/dev/null || ulimit -u; ulimit -p 5000 2>/dev/null && echo "raises it"; i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done`)
	all, last := c.end()
	said := lines(all, events.StreamStdout)
	if len(said) != 1 || said[0] != fmt.Sprint(present+40) {
		t.Errorf("the limit is %q, want %d", said, present+40)
	}
	if errs := strings.Join(lines(all, events.StreamStderr), "\n"); !strings.Contains(errs, "annot fork") || last.State != events.JobFailed {
		t.Errorf("it forks all: %s, %+v", errs, last)
	}
	eventually(t, "no process of the job is left", func() bool { return carriers(id) == nil })
}

func TestUser_OrphansEndToo(t *testing.T) {
	r := rigOf(t, another(t), nil)
	c := r.call("alice")
	c.start("sh", `env -i setsid /bin/sh -c 'echo $$; : >up; exec /bin/sleep 1000' & until [ -e up ]; do sleep 0.01; done`)
	all, _ := c.end()
	pids := lines(all, events.StreamStdout)
	if len(pids) != 1 {
		t.Fatalf("the job says %q", pids)
	}
	eventually(t, "the orphan is gone", func() bool { return gone(pids[0]) })
}

func TestUser_AFolderThroughWhichItMayNotPass(t *testing.T) {
	u := another(t)
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(closed, "state")
	err := u.Admit(state, filepath.Join(state, "jobs"))
	if events.CodeOf(err) != events.CodeConfig || !strings.Contains(err.Error(), "jobs run as nobody, who may not pass through the folder "+closed+" (") {
		t.Errorf("%v", err)
	}
	for name, want := range map[string]bool{"": true, "jobs": true} {
		info, err := os.Stat(filepath.Join(state, name))
		if err != nil || info.Mode().Perm() != passOnly || u.passes(info) != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestUser_ByNameOrNumber(t *testing.T) {
	var byName, byNumber User
	for text, into := range map[string]*User{"root": &byName, "0": &byNumber} {
		if err := into.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(byName, byNumber); diff != "" || byName.Name != "root" || byName.UID != 0 || byName.Home == "" {
		t.Errorf("%+v\n%s", byName, diff)
	}
	for _, text := range []string{"no-such-user", "4294967296", "-1", "", "../x"} {
		if err := new(User).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a user", text)
		}
	}
}
