package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"journeys/internal/manifest"
)

// mailChannel is a channel of SES that names no configuration set.
const mailChannel = `"mail":{"type":"ses","from":"` + mailSender + `"}`

const (
	mailSender = "news@shop.test"
	mailConfig = `{"channel":"mail","topic":"news","payload":{"subject":"News","text":"Spring is here."}}`
	mailsPath  = "/v2/email/outbound-emails" // as tools/ministack/mail.py serves it
)

// sentMail is a mail that SES accepted.
type sentMail struct {
	id                   string
	ConfigurationSetName string
	Destination          struct{ ToAddresses []string }
	Content              struct {
		Simple struct{ Headers []named }
	}
	EmailTags []named
}

type named struct{ Name, Value string }

// hearFeedback sends mail of a topic to two customers. SES reports that one clicked and the
// other's address refused it, each report twice. The first unsubscribes by one click. A
// second journey then mails neither, but a third customer.
func (d *deployment) hearFeedback(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("it took longer than a minute"))
	defer cancel()
	if err := d.prepareMail(ctx, "ann", "ben", "cem"); err != nil {
		return "", err
	}
	first, err := d.mail(ctx, "ann", "ben")
	if err != nil {
		return "", err
	}
	mails, err := d.sentMails(ctx, 2)
	if err != nil {
		return "", err
	}
	counted := map[string]int{"delivered": 1, "opened": 1, "clicked": 1, "bounced": 1}
	if err := errors.Join(d.checkMail(ctx, mails["ann"]), d.checkMail(ctx, mails["ben"]), d.report(ctx, mails)); err != nil {
		return "", err
	}
	if err := d.waitFigures(ctx, first, counted, map[string]int{"sent": 2}); err != nil {
		return "", err
	}
	if err := d.unsubscribe(ctx, mails["ann"]); err != nil {
		return "", err
	}
	counted["unsubscribed"] = 1
	if err := d.waitFigures(ctx, first, counted, map[string]int{"sent": 2}); err != nil {
		return "", err
	}
	second, err := d.mail(ctx, "ann", "ben", "cem")
	if err == nil {
		err = d.waitFigures(ctx, second, nil, map[string]int{"sent": 1, "skipped_unsubscribed": 1, "skipped_suppressed": 1})
	}
	if err == nil {
		_, err = d.sentMails(ctx, 3)
	}
	return "mail has one-click headers and its id; reports that came twice count once; unsubscribed and bounced get no more", err
}

// prepareMail verifies the sender, and stores the topic and the customers with their addresses.
func (d *deployment) prepareMail(ctx context.Context, customers ...string) error {
	_, err := d.emulator.call(ctx, "ses", http.MethodPost, "/v2/email/identities", "", []byte(`{"EmailIdentity":"`+mailSender+`"}`))
	if err != nil {
		return err
	}
	const topics = `{"topics":{"news":{"name":"News","channels":["mail"],"default":"in"}}}`
	if _, err := d.request(ctx, http.StatusOK, http.MethodPut, "/tenant-settings", topics); err != nil {
		return err
	}
	for _, c := range customers {
		if _, err := d.request(ctx, http.StatusOK, http.MethodPut, "/customers/"+c, `{"attributes":{"email":"`+address(c)+`"}}`); err != nil {
			return err
		}
	}
	return nil
}

func address(customer string) string { return customer + "@shop.test" }

// mail enrolls customers in a new journey that mails them, and returns its path.
func (d *deployment) mail(ctx context.Context, customers ...string) (path string, err error) {
	if path, err = d.activate(ctx, "News", messageGraph("mail", mailConfig)); err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{"customerIds": customers})
	if err == nil {
		_, err = d.request(ctx, http.StatusCreated, http.MethodPost, path+"/enroll", string(body))
	}
	return path, err
}

// sentMails waits until SES accepted that many mails, and returns them by customer.
func (d *deployment) sentMails(ctx context.Context, want int) (mails map[string]sentMail, err error) {
	err = poll(ctx, func() error {
		text, err := d.emulator.call(ctx, "ses", http.MethodGet, mailsPath, "", nil)
		if err != nil {
			return err
		}
		var byID map[string]sentMail
		if err := json.Unmarshal(text, &byID); err != nil {
			return err
		}
		mails = map[string]sentMail{}
		for id, m := range byID {
			m.id = id
			customer, _, _ := strings.Cut(strings.Join(m.Destination.ToAddresses, ","), "@")
			mails[customer] = m
		}
		if len(byID) != want || len(mails) != want {
			return fmt.Errorf("want %d mails, SES accepted %s", want, text)
		}
		return nil
	})
	return mails, err
}

// checkMail checks the headers, the tags and the configuration set of a mail.
func (d *deployment) checkMail(ctx context.Context, m sentMail) error {
	table, err := d.stack.first("AWS::DynamoDB::GlobalTable", "Table")
	if err != nil {
		return err
	}
	api, err := d.output(ctx, "ApiUrl")
	if err != nil {
		return err
	}
	headers, tags := values(m.Content.Simple.Headers), values(m.EmailTags)
	if !strings.HasPrefix(headers["List-Unsubscribe"], "<"+api+manifest.UnsubscribePath("")) || headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" ||
		tags[manifest.TagInstallation] != table || tags[manifest.TagTenant] != "kept" || tags[manifest.TagMessage] == "" ||
		m.ConfigurationSetName != stack {
		return fmt.Errorf("the mail is %+v", m)
	}
	return nil
}

func values(list []named) map[string]string {
	m := map[string]string{}
	for _, n := range list {
		m[n.Name] = n.Value
	}
	return m
}

// report has SES report twice what became of the mails, and when all that is recorded,
// once that one was opened: count gets that last.
func (d *deployment) report(ctx context.Context, mails map[string]sentMail) error {
	const delivery, click, open = `{"eventType":"Delivery"}`, `{"eventType":"Click"}`, `{"eventType":"Open"}`
	bounce := `{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","timestamp":"` +
		time.Now().UTC().Format(time.RFC3339) + `","bouncedRecipients":[{"emailAddress":"` + address("ben") + `"}]}}`
	reports := []struct{ customer, event string }{
		{"ann", click}, {"ann", click}, {"ann", delivery}, {"ben", bounce}, {"ann", delivery}, {"ben", bounce},
	}
	before, err := d.heard(ctx)
	if err != nil {
		return err
	}
	for _, r := range reports {
		if err := d.publish(ctx, mails[r.customer], r.event); err != nil {
			return err
		}
	}
	err = poll(ctx, func() error {
		now, err := d.heard(ctx)
		if err == nil && now != before+len(reports) {
			err = fmt.Errorf("feedback ran %d times for %d reports", now-before, len(reports))
		}
		return err
	})
	if err != nil {
		return err
	}
	return d.publish(ctx, mails["ann"], open)
}

// publish has SES report something of a mail. EventBridge takes that to the function if the
// configuration set's destination and the rule's pattern let it pass.
func (d *deployment) publish(ctx context.Context, m sentMail, event string) error {
	answer, err := d.emulator.call(ctx, "ses", http.MethodPost, mailsPath+"/"+m.id+"/events", "", []byte(event))
	if err == nil && string(answer) != `{"Published": 1}` {
		err = fmt.Errorf("SES published %s: %s", event, answer)
	}
	return err
}

// heard returns how often the function feedback has run.
func (d *deployment) heard(ctx context.Context) (int, error) {
	group, err := d.stack.first("AWS::Logs::LogGroup", manifest.Feedback.LogicalID())
	if err != nil {
		return 0, err
	}
	logged, err := d.emulator.post(ctx, "logs", "Logs_20140328.FilterLogEvents", map[string]any{"logGroupName": group})
	return strings.Count(fmt.Sprint(logged["events"]), "REPORT RequestId"), err
}

// waitFigures waits until the figures of a journey's mail are these. Kinds of feedback
// that are absent are 0.
func (d *deployment) waitFigures(ctx context.Context, path string, feedback, results map[string]int) error {
	return poll(ctx, func() error {
		text, err := d.request(ctx, http.StatusOK, http.MethodGet, path+"/analytics", "")
		if err != nil {
			return err
		}
		var figures struct {
			Steps []struct {
				NodeID            string
				Feedback, Results map[string]int
			}
		}
		if err := json.Unmarshal([]byte(text), &figures); err != nil {
			return err
		}
		for _, s := range figures.Steps {
			maps.DeleteFunc(s.Feedback, func(_ string, n int) bool { return n == 0 })
			if s.NodeID == "mail" && maps.Equal(s.Feedback, feedback) && maps.Equal(s.Results, results) {
				return nil
			}
		}
		return fmt.Errorf("want %v and %v, the figures are %s", feedback, results, text)
	})
}

// unsubscribe posts what a mail program does for one click on a mail's header, twice. It
// shows that this customer is then unsubscribed, and no other.
func (d *deployment) unsubscribe(ctx context.Context, m sentMail) error {
	link, err := url.Parse(strings.Trim(values(m.Content.Simple.Headers)["List-Unsubscribe"], "<>"))
	if err != nil {
		return err
	}
	for range 2 {
		form := url.Values{"List-Unsubscribe": {"One-Click"}}
		if _, err := send(ctx, http.MethodPost, d.proxy.url()+link.Path, form, http.StatusOK); err != nil {
			return err
		}
	}
	for customer, want := range map[string]string{"ann": `"news":false`, "ben": `"news":true`} {
		text, err := d.request(ctx, http.StatusOK, http.MethodGet, "/customers/"+customer+"/subscriptions", "")
		if err != nil {
			return err
		}
		if !strings.Contains(text, want) {
			return fmt.Errorf("the subscriptions of %s are %s", customer, text)
		}
	}
	return nil
}
