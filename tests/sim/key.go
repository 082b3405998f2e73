package sim

import (
	"crypto/ed25519"
	"encoding/binary"

	"github.com/nats-io/nkeys"
)

// key is an nkey that signs each text once: Ed25519 gives the same signature again,
// and a hub signs the same certificate with every answer.
type key struct {
	private ed25519.PrivateKey
	public  string
	signed  map[string][]byte
}

func (w *world) newKey() *key {
	var seed [ed25519.SeedSize]byte
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], w.rng.Uint64())
	}
	private := ed25519.NewKeyFromSeed(seed[:])
	public, err := nkeys.Encode(nkeys.PrefixByteUser, private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	k := &key{private: private, public: string(public), signed: map[string][]byte{}}
	w.keys = append(w.keys, k)
	return k
}

// Sign is an events.Signer's.
func (k *key) Sign(text []byte) ([]byte, error) {
	sig, ok := k.signed[string(text)]
	if !ok {
		sig = ed25519.Sign(k.private, text)
		k.signed[string(text)] = sig
	}
	return sig, nil
}
