package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"journeys/internal/manifest"
)

// parameter keeps the secret of the channel.
const parameter = "/journeys/dev/hook"

// The secrets of the channel, before and after its rotation. Both have the marker, which
// must be found nowhere.
var (
	marker    = "T0pSecret"
	oldSecret = base64.StdEncoding.EncodeToString([]byte(marker + strings.Repeat("1", 24)))
	newSecret = base64.StdEncoding.EncodeToString([]byte(marker + strings.Repeat("2", 24)))
)

// hook is an HTTP channel that accepts messages with the signature of one secret.
type hook struct {
	server
	mu       sync.Mutex
	accepted string // secret
	sent     bool
	refused  int
}

func (h *hook) accept(secret string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted, h.sent = secret, false
}

func (h *hook) state() (sent bool, refused int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent, h.refused
}

// ServeHTTP implements http.Handler.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // of one that is cut, the signature is wrong
	h.mu.Lock()
	defer h.mu.Unlock()
	key, _ := base64.StdEncoding.DecodeString(h.accepted)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"), body)
	if r.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		h.refused++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	h.sent = true
}

// rotateSecret deploys a channel whose secret is a parameter, sends a message, changes
// the parameter and the receiver, and sends another. Then it looks for the secrets in
// all that an account shows, apart from the parameter.
func (d *deployment) rotateSecret(ctx context.Context) (string, error) {
	h := &hook{}
	if err := h.serve(ctx, h); err != nil {
		return "", err
	}
	defer func() { _ = h.Close() }()
	if err := d.putSecret(ctx, oldSecret); err != nil {
		return "", err
	}
	d.settings = []string{manifest.EnvProviders + `={"channels":{` + mailChannel + `,"*":{"type":"http","url":"http://` + h.address +
		`","secret":"ssm:` + parameter + `"}},"allowPrivate":["127.0.0.1"]}`, manifest.EnvFeedbackDelivered + "=true"}
	if _, err := d.cdkDeploy(ctx, "deploy-secret"); err != nil {
		return "", err
	}
	h.accept(oldSecret)
	if err := d.sendUntil(ctx, h, "before"); err != nil {
		return "", err
	}
	_, before := h.state()
	if err := d.putSecret(ctx, newSecret); err != nil {
		return "", err
	}
	h.accept(newSecret)
	if err := d.sendUntil(ctx, h, "after"); err != nil {
		return "", err
	}
	_, after := h.state()
	if before != 0 || after == 0 {
		return "", fmt.Errorf("the receiver refused %d messages, and %d after the change", before, after-before)
	}
	places, err := d.findSecrets(ctx)
	return fmt.Sprintf("messages signed with the parameter, after its change with the new secret; no secret in %d places", places), err
}

func (d *deployment) putSecret(ctx context.Context, secret string) error {
	_, err := d.emulator.post(ctx, "ssm", "AmazonSSM.PutParameter", map[string]any{
		"Name": parameter, "Type": "SecureString", "Value": "whsec_" + secret, "Overwrite": true,
	})
	return err
}

// sendUntil enrolls customers in a new journey, one a second, until the hook has
// accepted a message.
func (d *deployment) sendUntil(ctx context.Context, h *hook, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("the channel accepted no message"))
	defer cancel()
	path, err := d.activate(ctx, "Hook", messageGraph("hook", `{"channel":"hook"}`))
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		customer := fmt.Sprintf(`{"customerId":"%s-%d"}`, name, n)
		if _, err := d.request(ctx, http.StatusCreated, http.MethodPost, path+"/enroll", customer); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
		if sent, _ := h.state(); sent {
			return nil
		}
	}
}

// findSecrets looks for the secrets in the stack's template, in the configuration and
// the log of every function, and in what the emulator and the CDK printed.
func (d *deployment) findSecrets(ctx context.Context) (places int, err error) {
	deployed, err := d.emulator.snapshot(ctx)
	if err != nil {
		return 0, err
	}
	texts := map[string]string{"the template": string(deployed.text)}
	logged := 0
	for _, r := range deployed.resources {
		switch r.Type {
		case "AWS::Lambda::Function":
			configuration, err := deployed.live(ctx, r)
			if err != nil {
				return 0, err
			}
			texts[r.LogicalID] = fmt.Sprint(configuration)
		case "AWS::Logs::LogGroup":
			events, err := d.emulator.post(ctx, "logs", "Logs_20140328.FilterLogEvents", map[string]any{"logGroupName": r.PhysicalID})
			if err != nil {
				return 0, err
			}
			texts[r.LogicalID] = fmt.Sprint(events["events"])
			if strings.HasPrefix(r.LogicalID, manifest.Advance.LogicalID()) {
				logged = strings.Count(texts[r.LogicalID], "RequestId")
			}
		}
	}
	if !strings.Contains(texts[manifest.Advance.LogicalID()], parameter) || logged == 0 {
		return 0, fmt.Errorf("advance, with %d log lines, does not know the parameter: %s", logged, texts[manifest.Advance.LogicalID()])
	}
	for name, text := range texts {
		for _, secret := range []string{"whsec_", oldSecret, newSecret, marker} {
			if strings.Contains(text, secret) {
				return 0, fmt.Errorf("%s shows a secret: %s", name, text)
			}
		}
	}
	return len(texts), nil
}
