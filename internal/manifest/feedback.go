package manifest

import "time"

// Feedback records what became of messages, as SES and End User Messaging report it.
// It is invoked asynchronously: what finds no concurrency waits in Lambda's queue for
// up to six hours. A call takes about 50 ms, so 10 calls at once record 200 events a
// second.
var Feedback = invoking(keyed(Function{
	Name: "feedback", MemoryMB: 512, Timeout: 30 * time.Second, Concurrency: 10, Mail: true, Texts: true,
	Env: []string{EnvTable}, Actions: []string{"BatchGetItem", "ConditionCheckItem", "GetItem", "UpdateItem"},
}), Advance)

// The tags of mail and the keys of the context of text messages, by which Feedback
// finds what an event is about.
const (
	TagInstallation = "journeys" // name of the table; the default event bus is shared by all installations of an account
	TagTenant       = "tenant"
	TagMessage      = "message" // id of the message
	TagTest         = "test"    // "true" on test messages; absent on others
)

// MailPattern returns EventBridge's event pattern for SES's events about the mail of
// an installation.
func MailPattern(installation string) string {
	return `{"source":["aws.ses"],"detail":{"mail":{"tags":{"` + TagInstallation + `":["` + installation + `"]}}}}`
}
