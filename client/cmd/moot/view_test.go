package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a document with testdata/NAME.golden, indented for people.
func golden(t *testing.T, name string, doc []byte) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, doc, "", "  "); err != nil {
		t.Fatalf("%s is not JSON: %v\n%s", name, err, doc)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s has another shape:\n%s", name, got.Bytes())
	}
}

// The shapes of --json are promises to scripts.
func TestJSON_Shapes(t *testing.T) {
	code := 0
	documents := map[string]any{
		"workers": listView(lab()),
		"workers-empty": listView(events.WorkerList{
			RoomID: "lab", Source: events.SourceHTTP, AsOf: events.At(noon), Workers: []events.Worker{}, Rejected: []events.Rejected{},
		}),
		"admin": client.AdminInfo{
			RoomID: "lab", AdminPeerID: "worker-1c22", Incarnation: 3, Term: 3, Since: events.At(noon), Reason: events.ReasonCrashed,
		},
		"admin-vacant": client.AdminInfo{RoomID: "lab", Term: 3},
		"run": resultView{Result: client.Result{
			JobID: "j-4K2Q", Worker: "worker-1c22", Command: "track", State: events.JobDone, ExitCode: &code,
			Outputs: []client.Output{{Name: "out/tracks.csv", Size: 212, SHA256: "9f3c", Path: "j-4K2Q/out/tracks.csv"}},
			Timings: client.Timings{DiscoverMS: 1, ReserveMS: 2, ConnectMS: 3, SendMS: 4, RunMS: 5, ReceiveMS: 6, TotalMS: 21},
		}},
		"run-lost": resultView{
			Result: client.Result{JobID: "j-4K2Q", Worker: "worker-1c22", Command: "track", State: events.JobLost, Outputs: []client.Output{}},
			Error:  events.Errorf(events.CodeLost, "lost brisk-otter 43 s into job j-4K2Q"),
		},
	}
	for name, doc := range documents {
		var out bytes.Buffer
		p := &program{out: &out, json: true}
		if err := p.printJSON(doc); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
}

func TestWatch_OneLineAPerson(t *testing.T) {
	head := func(kind string) client.Head { return client.Head{Type: kind, Time: events.At(noon), RoomID: "lab"} }
	clock := noon.Local().Format(time.TimeOnly)
	for want, e := range map[string]client.Event{
		"admin_elected  b in term 2 (crashed, was a), room of 2, 212 ms": &client.AdminElected{
			Head: head(client.TypeAdminElected), AdminPeerID: "b", PreviousAdminPeerID: "a", Term: 2, Reason: "crashed", ElectionTimeMS: 212.4, NumWorkers: 2},
		"peer_joined    b#7":                &client.PeerJoined{Head: head(client.TypePeerJoined), PeerID: "b", Incarnation: 7},
		"peer_left      b (silent)":         &client.PeerLeft{Head: head(client.TypePeerLeft), PeerID: "b", Reason: "silent"},
		"worker_status  b is busy with j-1": &client.WorkerStatus{Head: head(client.TypeWorkerStatus), PeerID: "b", Status: "busy", CurrentJob: "j-1"},
		"job            j-1 on b is done":   &client.JobChanged{Head: head(client.TypeJob), JobID: "j-1", Worker: "b", State: "done"},
	} {
		var out bytes.Buffer
		p := &program{out: &out}
		if err := p.printEvent(e); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != clock+"  "+want+"\n" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
