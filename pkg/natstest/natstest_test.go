package natstest

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestARestartKeepsAddressAndMessages(t *testing.T) {
	s := Start(t)
	url := s.URL()
	use := func(what func(jetstream.JetStream) error) {
		t.Helper()
		conn, err := nats.Connect(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		if err := what(js); err != nil {
			t.Fatal(err)
		}
	}
	use(func(js jetstream.JetStream) error {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
			return err
		}
		_, err := js.Publish(t.Context(), "s", []byte("kept"))
		return err
	})
	s.Restart()
	if s.URL() != url {
		t.Errorf("moved from %s to %s", url, s.URL())
	}
	use(func(js jetstream.JetStream) error {
		stream, err := js.Stream(t.Context(), "S")
		if err != nil {
			return err
		}
		msg, err := stream.GetMsg(t.Context(), 1)
		if err != nil || string(msg.Data) != "kept" {
			t.Errorf("after a restart: %v, %v", msg, err)
		}
		return nil
	})
}
