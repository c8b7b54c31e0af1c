#!/usr/bin/perl
# A replica of the conformance table: what a request wants it to do stands in the request.
#
#   Do: sleep 500 | status 404        a header, or ?do=sleep+500+|+status+404 where none can be sent
#
# Words, in order:
#   only N             the rest is for replica N; the others answer as usual
#   sleep MS           wait
#   status N           status of the answer (200)
#   set NAME: VALUE    add a header to the answer
#   header N           add a header of N bytes to the answer
#   body TEXT          answer TEXT instead of "<name> <method> <target>"
#   bytes N            answer N bytes
#   echo               answer the head of the request as it came
#   early N            send an interim answer, such as 103
#   head               send the head now, for an answer that ends by closing
#   write TEXT         send TEXT as it is (after "head"); STAMP in it is the time in ms
#   chunk TEXT         send a chunk of a chunked answer, head first; STAMP as above
#   trailer NAME: VALUE  end a chunked answer with a trailer
#   raw TEXT           send TEXT with \r and \n replaced, and nothing else
#   read N             read N bytes of the body now; without it the body is read before the first word,
#   unread             or, with this as the first word, not at all
#   host NAME          400 unless the Host header is NAME
#   method NAME        405 unless the method is NAME
#   close              close without more
#   reset              close with a reset
#
# "Upgrade: websocket" is answered 101, then every byte comes back; the key must be that of RFC 6455's example,
# dGhlIHNhbXBsZSBub25jZQ==, for HAProxy looks at what is made of it. Each request is a line of JSON on
# standard output: {"replica": ..., "case": value of the header Case, "head": ...}, then
# {"case": ..., "body": bytes that came}.
use strict;
use warnings;
use POSIX ();
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR SO_LINGER IPPROTO_TCP TCP_NODELAY INADDR_ANY
    pack_sockaddr_in);

my ($name, $port) = @ARGV;
my ($index) = $name =~ /(\d+)$/;
my $gettimeofday = {x86_64 => 96, aarch64 => 169}->{(POSIX::uname())[4]};
my $accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
my %reason = (200 => 'OK', 400 => 'Bad Request');
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };
$| = 1;

socket(my $listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, pack_sockaddr_in($port, INADDR_ANY)) or die "bind port $port: $!\n";
listen($listener, 1024) or die "listen: $!\n";
print qq({"replica": "$name", "listens": $port}\n);
while (1) {
    accept(my $client, $listener) or next;
    if (!fork) {
        close $listener;
        $SIG{TERM} = 'DEFAULT';
        setsockopt($client, IPPROTO_TCP, TCP_NODELAY, 1);
        1 while answer($client);
        exit 0;
    }
    close $client;
}

my $in;    # what was read and not used yet, of this process's connection

sub fill { my ($client) = @_; return sysread($client, $in, 65536, length $in) }

sub put { my ($client, $bytes) = @_; while (length $bytes) { my $n = syswrite($client, $bytes); return 0 unless $n; substr($bytes, 0, $n) = '' } return 1 }

sub note { print '{"replica": "' . $name . '", ' . join(', ', @_) . "}\n" }

sub text {    # as a string of JSON
    my ($bytes) = @_;
    $bytes =~ s/([^ !#-\[\]-~])/sprintf '\\u%04x', ord $1/ge;
    return qq("$bytes");
}

sub stamped {
    my ($text) = @_;
    my $time = pack 'q2', 0, 0;
    syscall($gettimeofday, $time, 0) if $gettimeofday;
    my ($s, $us) = unpack 'q2', $time;
    $text =~ s/STAMP/sprintf '%d%03d', $s, $us \/ 1000/ge;
    return $text;
}

# Answers one request; false when the connection is at its end.
sub answer {
    my ($client) = @_;
    $in = '' unless defined $in;
    while ($in !~ /\r\n\r\n/) { return 0 unless fill($client) }
    $in =~ s/\A(.*?\r\n)\r\n//s;
    my $head = $1;
    my ($line, @lines) = split /\r\n/, $head;
    my %h;
    for (@lines) { $h{lc $1} = defined $h{lc $1} ? "$h{lc $1}, $2" : $2 if /^([^:\s]+):\s*(.*?)\s*$/ }
    my ($method, $target, $http) = split / /, $line;
    my $case = text(defined $h{case} ? $h{case} : '');
    note(qq("case": $case), '"head": ' . text($head));

    if (lc($h{upgrade} || '') eq 'websocket') {
        put($client, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            . "Sec-WebSocket-Accept: $accept\r\n\r\n");
        do { put($client, $in); $in = '' } while (fill($client));
        return 0;
    }

    my $script = $h{do};
    if (!defined $script && ($target || '') =~ /[?&]do=([^&]*)/) {
        $script = $1;
        $script =~ tr/+/ /;
        $script =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    }
    my @words = split /\s*\|\s*/, defined $script ? $script : '';
    my $read = 0;
    my $whole = sub {
        my $got = body($client, \%h, $_[0]);
        $read += $got;
        return $got;
    };
    my $begun = @words && $words[0] =~ /^(read|unread)/;
    if (!$begun) { $whole->(); note(qq("case": $case), qq("body": $read)) if $read }

    my ($status, @headers) = (200);
    my ($text, $sent) = ("$name $method $target\n", '');
    my $keep = ($http || '') eq 'HTTP/1.1' && lc($h{connection} || '') ne 'close';
    my $top = sub {
        return "HTTP/1.1 $status " . ($reason{$status} || 'Status') . "\r\n"
            . join('', map { "$_\r\n" } @headers, "Replica: $name", @_) . "\r\n";
    };
    for (@words) {
        my ($word, $what) = split / /, $_, 2;
        $what = '' unless defined $what;
        if    ($word eq 'only')   { last if $what ne $index }
        elsif ($word eq 'sleep')  { select undef, undef, undef, $what / 1000 }
        elsif ($word eq 'status') { $status = $what }
        elsif ($word eq 'set')    { push @headers, $what }
        elsif ($word eq 'header') { push @headers, 'Filler: ' . 'x' x ($what - 10) }
        elsif ($word eq 'body')   { $text = "$what\n" }
        elsif ($word eq 'bytes')  { $text = 'x' x $what }
        elsif ($word eq 'echo')   { $text = $head }
        elsif ($word eq 'early')  { put($client, "HTTP/1.1 $what Early\r\nLink: </a.css>; rel=preload\r\n\r\n") }
        elsif ($word eq 'head')   { put($client, $top->('Connection: close')); $sent = 'close' }
        elsif ($word eq 'write')  { put($client, stamped($what)) }
        elsif ($word eq 'raw')    { $what =~ s/\\r/\r/g; $what =~ s/\\n/\n/g; put($client, $what); $sent = 'raw' }
        elsif ($word eq 'read')   { $whole->($what); note(qq("case": $case), qq("body": $read)) }
        elsif ($word eq 'host' && ($h{host} || '') ne $what) { ($status, $text) = (400, "not my host\n") }
        elsif ($word eq 'method' && $method ne $what) { $status = 405 }
        elsif ($word eq 'close')  { return 0 }
        elsif ($word eq 'reset')  {
            setsockopt($client, SOL_SOCKET, SO_LINGER, pack 'l2', 1, 0);
            close $client;
            return 0;
        }
        elsif ($word eq 'chunk' || $word eq 'trailer') {
            put($client, $top->('Transfer-Encoding: chunked')) unless $sent;
            $sent = 'chunked';
            if ($word eq 'trailer') { put($client, "0\r\n$what\r\n\r\n"); $sent = 'raw' }
            else { $what = stamped($what); put($client, sprintf "%x\r\n%s\r\n", length $what, $what) }
        }
    }
    return 0 if $sent eq 'close';
    if ($sent eq 'chunked') { return put($client, "0\r\n\r\n") && $keep }
    return $keep if $sent eq 'raw';
    my $none = $status == 204 || $status == 304;
    put($client, $top->(
        ($none ? () : 'Content-Length: ' . length $text), 'Connection: ' . ($keep ? 'keep-alive' : 'close')
    ) . ($none || $method eq 'HEAD' ? '' : $text)) or return 0;
    return $keep && !$begun;
}

# Reads the body, or at most so many bytes of one that has a length; how many bytes came.
sub body {
    my ($client, $h, $most) = @_;
    my $got = 0;
    if (lc($h->{'transfer-encoding'} || '') eq 'chunked') {
        while (1) {
            while ($in !~ /\A[0-9a-fA-F]+[^\r\n]*\r\n/) { return $got unless fill($client) }
            my ($digits) = $in =~ /\A([0-9a-fA-F]+)/;
            my $size = hex $digits;
            $in =~ s/\A[^\n]*\n//;
            while (length $in < $size + 2) { return $got unless fill($client) }
            substr($in, 0, $size + 2) = '';
            $got += $size;
            return $got unless $size;
        }
    }
    my $length = $h->{'content-length'} || 0;
    $length = $most if defined $most && $most < $length;
    while ($got < $length) {
        if ($in eq '') { return $got unless fill($client) }
        my $part = length $in < $length - $got ? length $in : $length - $got;
        substr($in, 0, $part) = '';
        $got += $part;
    }
    return $got;
}
