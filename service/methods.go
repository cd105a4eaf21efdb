package service

import (
	"google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"github.com/callgate/callgate/access"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// scope is which calls a method is about, and so what a client must have seen of
// them.
type scope int

const (
	// noCall is about none.
	noCall scope = iota
	// namedCall is about those that the request names: they must be visible to the
	// client.
	namedCall
	// knownThing is about what only somebody who may can know (an incoming call's
	// context, the id of a call to join or of a recording), or about a call that is yet to be: what the
	// request holds is all that it takes.
	knownThing
	// manyCalls is about all that are visible to the client.
	manyCalls
)

// method is what a client needs to call a method.
type method struct {
	// role is the least role that may; empty: whoever comes.
	role  access.Role
	scope scope
}

// methods are all methods that there are. One that is not here is nobody's.
var methods = map[string]method{
	callgatev1.CallControl_CreateCall_FullMethodName:   {access.Operator, knownThing},
	callgatev1.CallControl_ConnectCall_FullMethodName:  {access.Operator, knownThing},
	callgatev1.CallControl_AnswerCall_FullMethodName:   {access.Operator, knownThing},
	callgatev1.CallControl_RejectCall_FullMethodName:   {access.Operator, knownThing},
	callgatev1.CallControl_RedirectCall_FullMethodName: {access.Operator, knownThing},
	callgatev1.CallControl_GetCall_FullMethodName:      {access.Viewer, namedCall},
	callgatev1.CallControl_TransferCall_FullMethodName: {access.Operator, namedCall},
	callgatev1.CallControl_HangUpCall_FullMethodName:   {access.Operator, namedCall},

	callgatev1.Participants_ListParticipants_FullMethodName:     {access.Viewer, namedCall},
	callgatev1.Participants_GetParticipant_FullMethodName:       {access.Viewer, namedCall},
	callgatev1.Participants_AddParticipant_FullMethodName:       {access.Operator, namedCall},
	callgatev1.Participants_CancelAddParticipant_FullMethodName: {access.Operator, namedCall},
	callgatev1.Participants_RemoveParticipant_FullMethodName:    {access.Operator, namedCall},
	callgatev1.Participants_MuteParticipant_FullMethodName:      {access.Operator, namedCall},
	callgatev1.Participants_MoveParticipants_FullMethodName:     {access.Operator, namedCall},

	callgatev1.Media_PlayMedia_FullMethodName:                      {access.Operator, namedCall},
	callgatev1.Media_RecognizeInput_FullMethodName:                 {access.Operator, namedCall},
	callgatev1.Media_StartContinuousDtmfRecognition_FullMethodName: {access.Operator, namedCall},
	callgatev1.Media_StopContinuousDtmfRecognition_FullMethodName:  {access.Operator, namedCall},
	callgatev1.Media_SendDtmfTones_FullMethodName:                  {access.Operator, namedCall},
	callgatev1.Media_HoldParticipant_FullMethodName:                {access.Operator, namedCall},
	callgatev1.Media_UnholdParticipant_FullMethodName:              {access.Operator, namedCall},
	callgatev1.Media_StartTranscription_FullMethodName:             {access.Operator, namedCall},
	callgatev1.Media_StopTranscription_FullMethodName:              {access.Operator, namedCall},
	callgatev1.Media_UpdateTranscription_FullMethodName:            {access.Operator, namedCall},
	callgatev1.Media_StartMediaStreaming_FullMethodName:            {access.Operator, namedCall},
	callgatev1.Media_StopMediaStreaming_FullMethodName:             {access.Operator, namedCall},
	callgatev1.Media_CancelAllMediaOperations_FullMethodName:       {access.Operator, namedCall},

	callgatev1.Recordings_StartRecording_FullMethodName:    {access.Operator, namedCall},
	callgatev1.Recordings_GetRecording_FullMethodName:      {access.Viewer, knownThing},
	callgatev1.Recordings_PauseRecording_FullMethodName:    {access.Operator, knownThing},
	callgatev1.Recordings_ResumeRecording_FullMethodName:   {access.Operator, knownThing},
	callgatev1.Recordings_StopRecording_FullMethodName:     {access.Operator, knownThing},
	callgatev1.Recordings_DownloadRecording_FullMethodName: {access.Viewer, knownThing},
	callgatev1.Recordings_DeleteRecording_FullMethodName:   {access.Operator, knownThing},

	callgatev1.Events_StreamEvents_FullMethodName:   {access.Viewer, manyCalls},
	callgatev1.Events_AckEvents_FullMethodName:      {access.Viewer, manyCalls},
	callgatev1.Events_NackEvents_FullMethodName:     {access.Viewer, manyCalls},
	callgatev1.Events_ListEvents_FullMethodName:     {access.Viewer, namedCall},
	callgatev1.Events_WaitForOutcome_FullMethodName: {access.Viewer, namedCall},

	callgatev1.Groups_ListGroups_FullMethodName:        {access.Viewer, manyCalls},
	callgatev1.Groups_GetGroup_FullMethodName:          {access.Viewer, manyCalls},
	callgatev1.Groups_DeleteGroup_FullMethodName:       {access.Operator, manyCalls},
	callgatev1.Groups_ListDeadLetters_FullMethodName:   {access.Viewer, manyCalls},
	callgatev1.Groups_ReplayDeadLetters_FullMethodName: {access.Operator, manyCalls},
	callgatev1.Groups_DeleteDeadLetters_FullMethodName: {access.Operator, manyCalls},

	grpc_health_v1.Health_Check_FullMethodName: {},
	grpc_health_v1.Health_List_FullMethodName:  {},
	grpc_health_v1.Health_Watch_FullMethodName: {},

	reflectionv1.ServerReflection_ServerReflectionInfo_FullMethodName:      {access.Monitor, noCall},
	reflectionv1alpha.ServerReflection_ServerReflectionInfo_FullMethodName: {access.Monitor, noCall},
}

// isOpen tells whether a method is for whoever comes.
func isOpen(name string) bool {
	method, known := methods[name]
	return known && method.role == ""
}
