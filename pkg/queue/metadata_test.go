package queue

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestMetadataIsKeptForATimeAndDropped(t *testing.T) {
	_, q := start(t, func(c *Config) { c.Timing.Metadata = 5 * time.Second })
	ctx := t.Context()
	read := func() []byte {
		t.Helper()
		data, err := q.Metadata(ctx, "org", "contact")
		must(t, err)
		return data
	}
	if read() != nil {
		t.Error("metadata before any was kept")
	}
	want := bytes.Repeat([]byte(`{"name":"firstname"}`), 100_000) // 2 MB, which compresses
	must(t, q.PutMetadata(ctx, "org", "contact", want))
	if !bytes.Equal(read(), want) {
		t.Error("metadata comes back changed")
	}
	must(t, q.DropMetadata(ctx, "org", "contact"))
	if read() != nil {
		t.Error("metadata after it was dropped")
	}
	must(t, q.PutMetadata(ctx, "org", "contact", want))
	eventually(t, "metadata is too old", func() bool { return read() == nil })
}

func TestMetadataThatCannotBeReadOrKeptIsNotThere(t *testing.T) {
	_, q := start(t, nil)
	ctx := t.Context()
	bucket, err := q.js.KeyValue(ctx, bucketMetadata)
	must(t, err)
	for name, data := range map[string][]byte{
		"no compression":       []byte("{}"),
		"a size that is a lie": {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00},
		"nothing":              nil,
	} {
		_, err := bucket.Put(ctx, keyOfMetadata("org", "contact"), data)
		must(t, err)
		if got, err := q.Metadata(ctx, "org", "contact"); len(got) > 0 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	noise := make([]byte, maxMessage+1)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	err = q.PutMetadata(ctx, "org", "contact", noise)
	var fault *penstock.Error
	if !errors.As(err, &fault) || errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("more than a message takes: %v", err)
	}
}
