package attacks

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/tests/process"
)

// A brute is a client's link to a worker without what the house's own links refuse to
// send: any size on any channel, in any order.
type brute struct {
	pc            *webrtc.PeerConnection
	control, bulk datachannel.ReadWriteCloser
	over          chan struct{} // closed when a channel has ended
	heard         chan []byte   // on the job's channel
}

// assault links to a worker with a signed offer. A client may have few links at a time,
// and the worker notices late that one has ended.
func (i *insider) assault(to string) (b *brute) {
	i.t.Helper()
	process.Await(i.t, to+" takes a link", process.Soon, func() (taken bool) {
		var err error
		if b, err = i.tryAssault(to); err != nil && events.CodeOf(err) != events.CodeUnavailable {
			i.t.Fatal(err)
		}
		return err == nil
	})
	return b
}

func (i *insider) tryAssault(to string) (*brute, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, err
	}
	prints, err := certificate.GetFingerprints()
	if err != nil {
		return nil, err
	}
	engine := webrtc.SettingEngine{}
	engine.SetIncludeLoopbackCandidate(true)
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine.DetachDataChannels()
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{*certificate}})
	if err != nil {
		return nil, err
	}
	i.t.Cleanup(func() { pc.Close() })
	b := &brute{pc: pc, over: make(chan struct{}), heard: make(chan []byte, 64)}
	opened := make(chan error, 2)
	negotiated := true
	for n, label := range []string{"job", "bulk"} {
		id := uint16(n)
		dc, err := pc.CreateDataChannel(label, &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
		if err != nil {
			return nil, err
		}
		dc.OnOpen(func() {
			raw, err := dc.Detach()
			if n == 0 {
				b.control = raw
			} else {
				b.bulk = raw
			}
			opened <- err
		})
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return nil, err
	}
	<-gathered
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	defer cancel()
	answer, err := i.signals.Offer(ctx, events.Signal{
		Kind: events.SignalOffer, Purpose: events.PurposeJob, To: to, ToIncarnation: i.seatOf(to).Incarnation, Nonce: rand.Text(),
		Fingerprint: "sha-256 " + strings.ToUpper(prints[0].Value), SDP: pc.LocalDescription().SDP,
	})
	if err != nil {
		return nil, err
	}
	// What the worker would like us to keep to.
	answer.SDP = strings.ReplaceAll(answer.SDP, "a=max-message-size:65536", "a=max-message-size:1073741824")
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		return nil, err
	}
	for range 2 {
		select {
		case err := <-opened:
			if err != nil {
				return nil, err
			}
		case <-time.After(patience):
			return nil, fmt.Errorf("no channel to %s within %s", to, patience)
		}
	}
	var end sync.Once
	for _, raw := range []datachannel.ReadWriteCloser{b.control, b.bulk} {
		go func() {
			for buffer := make([]byte, 1<<17); ; {
				n, err := raw.Read(buffer)
				if err != nil {
					end.Do(func() { close(b.over) })
					return
				}
				if raw == b.control {
					select {
					case b.heard <- append([]byte(nil), buffer[:n]...):
					default:
					}
				}
			}
		}()
	}
	return b, nil
}

func (i *insider) seatOf(peer string) events.Seat {
	i.t.Helper()
	if i.victim.PeerID == peer {
		return i.victim
	}
	for _, p := range i.learn(map[string]string{}).Peers {
		if p.PeerID == peer {
			i.victim = events.Seat{PeerID: peer, Incarnation: p.Incarnation}
			return i.victim
		}
	}
	i.t.Fatalf("%s is not in the room", peer)
	return events.Seat{}
}

// Issue 6, frames: one byte to 16 MiB on every channel of a link, with a header that fits,
// one that lies and none, and without end: the worker takes none, ends such a link or
// leaves it stuck, holds no more memory than before, and serves others.
func TestFrames_GiantAndEndlessOnes(t *testing.T) {
	t.Parallel()
	s, honest := workshop(t)
	i := newInsider(t, s, events.RoleClient, "")
	heron := s.Workers[0]
	if err := honest.served(); err != nil {
		t.Fatal(err)
	}
	before := memory(t, heron.Process)
	framed := func(size int, kind events.FrameType) []byte {
		frame := make([]byte, size)
		if size >= events.FrameHeader {
			copy(frame, events.Frame(kind, nil))
			n := size - events.FrameHeader
			frame[1], frame[2], frame[3], frame[4] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
		}
		return frame
	}
	for _, size := range []int{1, events.FrameHeader, 1 << 10, events.MaxMessage, events.MaxMessage + 1, 1 << 17, 1 << 19, 1 << 20, 4 << 20, 16 << 20} {
		for what, frame := range map[string][]byte{"a start": framed(size, events.FrameStart), "zeros": make([]byte, size)} {
			for _, channel := range []string{"job", "bulk"} {
				b := i.assault("heron")
				raw := b.control
				if channel == "bulk" {
					raw = b.bulk
				}
				sent := make(chan error, 1)
				go func() {
					_, err := raw.Write(frame)
					sent <- err
				}()
				harm := false
				select {
				case <-sent: // queued, or refused by this side
				case <-b.over:
				case <-time.After(patience):
				}
				if channel == "job" && size > events.MaxMessage && size <= 1<<19 {
					select { // small enough to arrive whole
					case <-b.over:
					case <-time.After(process.Soon):
						harm = true
					}
				}
				select {
				case answer := <-b.heard:
					kind, _, err := events.ParseFrame(answer)
					harm = harm || err != nil || kind != events.FrameError
				default:
				}
				all.attack(t, harm, "%s of %d bytes on channel %s: the link stands, or it was answered", what, size, channel)
				b.pc.Close()
			}
		}
	}
	// Without end: messages one after the other, as fast as they go, for a while.
	for what, frame := range map[string][]byte{"empty messages": {}, "one byte": {1}, "whole frames": framed(events.MaxMessage, events.FrameChunk), "starts": framed(200, events.FrameStart)} {
		b := i.assault("heron")
		sent := 0
		stop := time.After(2 * time.Second)
		var writing sync.WaitGroup
		done := make(chan struct{})
		writing.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := b.control.Write(frame); err != nil {
					return
				}
				sent++
				if sent%64 == 0 {
					time.Sleep(time.Millisecond) // else this side holds it all in memory
				}
			}
		})
		err := honest.served()
		<-stop
		close(done)
		b.pc.Close()
		writing.Wait()
		all.attack(t, err != nil, "%d %s: others are not served: %v", sent, what, err)
	}
	if after := memory(t, heron.Process); after > before+64 {
		t.Errorf("the worker held %d MiB and holds %d", before, after)
	}
	if err := honest.served(); err != nil {
		t.Error(err)
	}
}

// One client takes all the links that a worker has for clients and does nothing with
// them: others still get one.
func TestFrames_LinksOfOneClientLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	const links = 70
	s, honest := workshop(t)
	i := newInsider(t, s, events.RoleClient, "")
	held := 0
	for range links {
		b, err := i.tryAssault("heron")
		if err == nil {
			held++
			defer b.pc.Close()
		}
	}
	for n := range links {
		all.attack(t, n < held-9, "one client has %d links", held)
	}
	if err := honest.served(); err != nil {
		all.attack(t, true, "others are not served: %v", err)
	}
	t.Logf("%d of %d links are held", held, links)
}
