package events

import (
	"bytes"
	"strings"
	"testing"
)

// A frame that is taken is one that Frame makes, byte for byte, and its message can be
// read without harm, whatever is in it.
func FuzzFrame(f *testing.F) {
	f.Add(Pack(FrameStart, JobStart{Command: "echo"}))
	f.Add(Pack(FrameManifest, Manifest{Files: []FileHeader{{Name: "a", Size: 1}}}))
	f.Add([]byte{1, 0, 0, 0, 9, 'x'})
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, payload, err := ParseFrame(data)
		if err != nil {
			return
		}
		if !bytes.Equal(Frame(kind, payload), data) {
			t.Fatalf("%x is taken", data)
		}
		for _, into := range []any{
			&Heartbeat{}, &State{}, &Pull{}, &Genesis{}, &Goodbye{}, &Ping{}, &Vouch{}, &SeatCertificate{}, &Want{},
			&JobStart{}, &JobEvent{}, &JobSignal{}, &JobAttach{}, &Error{}, &JobAck{}, &JobHello{}, &MountList{}, &MountListing{},
			&FileHeader{}, &FileEnd{}, &Manifest{}, &Reserve{}, &Release{}, &ListJobs{}, &JobList{}, &Query{}, &WorkerList{}, &JoinReply{}, &Signal{},
		} {
			_ = Unpack(payload, into)
			_ = Decode(payload, into)
		}
	})
}

// A subject that is taken has valid ids only, and no wildcard.
func FuzzSubject(f *testing.F) {
	f.Add("room.lab.signal.heron.lynx")
	f.Add("room.lab.event.peer.left")
	f.Add("room.*.svc.info.>")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSubject(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(text, "*> \t\r\n") || ValidID("room", s.Room) != nil || s.From != "" && ValidID("peer id", s.From) != nil || s.To != "" && ValidID("peer id", s.To) != nil {
			t.Fatalf("%q is taken as %+v", text, s)
		}
	})
}

// A join token is split at its first dot, into parts that make it again.
func FuzzSplitToken(f *testing.F) {
	f.Add("moot_a_b.pin")
	f.Fuzz(func(t *testing.T, text string) {
		token, pin := SplitToken(text)
		if strings.Contains(token, ".") || PinToken(token, pin) != text && PinToken(token, pin) != strings.TrimSuffix(text, ".") {
			t.Fatalf("%q is %q and %q", text, token, pin)
		}
	})
}
