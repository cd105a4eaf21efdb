// The messages of callgate.v1 that the page reads, as the REST API writes them.
// Fields that have their default are left out there, so everything is optional
// that may be.

export interface Identifier {
  rawId: string;
  phoneNumber?: string;
  communicationUserId?: string;
  microsoftTeamsUser?: unknown;
  microsoftTeamsApp?: unknown;
  teamsExtensionUser?: unknown;
}

export interface Result {
  code?: number;
  subCode?: number;
  message?: string;
  reason?: string;
  hint?: string;
}

export interface Participant {
  identifier: Identifier;
  isMuted?: boolean;
  isOnHold?: boolean;
}

export interface CallEvent {
  cursor: string;
  id: string;
  type?: string;
  typeName?: string;
  source?: string;
  time?: string;
  receiveTime?: string;
  callConnectionId?: string;
  serverCallId?: string;
  correlationId?: string;
  operationContext?: string;
  result?: Result;
  participantsUpdated?: { participants?: Participant[]; sequenceNumber?: number };
  addParticipantSucceeded?: { participant?: Identifier };
  addParticipantFailed?: { participant?: Identifier };
  removeParticipantSucceeded?: { participant?: Identifier };
  removeParticipantFailed?: { participant?: Identifier };
  moveParticipantSucceeded?: { participant?: Identifier };
  moveParticipantFailed?: { participant?: Identifier };
  callTransferAccepted?: { transferTarget?: Identifier; transferee?: Identifier };
  command?: {
    action?: string;
    principal?: string;
    targets?: Identifier[];
    transferee?: Identifier;
    duration?: string;
    upstreamStatus?: number;
    upstreamCode?: string;
    code?: string;
    reason?: string;
  };
  recognizeCompleted?: { dtmfResult?: { digits?: string }; choiceResult?: { label?: string }; speechResult?: { speech?: string } };
  continuousDtmfRecognitionToneReceived?: { tone?: string };
  recordingStateChanged?: { state?: string };
  incomingCall?: { to?: Identifier; from?: Identifier; callerDisplayName?: string; incomingCallContext?: string };
}

export interface CallConnection {
  callConnectionId: string;
  targets?: Identifier[];
}

export interface Config {
  version: string;
  emulator?: { behaviours: Behaviour[] };
}

export interface Behaviour {
  suffix: string;
  name: string;
  meaning: string;
}
