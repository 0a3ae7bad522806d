"""Records of the bus as `run` writes them (docs/RECORDS.md), made up for tests, and what follows from them by the documents' words,
computed the simplest way."""
import datetime
import json

HOUR = datetime.datetime(2026, 1, 5, 1, tzinfo=datetime.timezone.utc)
TRENDS = 12


def text(moment):
    return moment.strftime('%Y-%m-%dT%H:%M:%S.') + f'{moment.microsecond // 1000:03}Z'


def minute(number):
    return HOUR + datetime.timedelta(minutes=number)


def frequency(end, trend):
    return (end * 37 + trend * 11) % 100 + 10


def alert(end, trend):
    return {
        'keyword': f'word{trend}', 'frequency': frequency(end, trend), 'growth_rate': 3.5, 'confidence_score': 0.75,
        'window_start': text(minute(end - 10)), 'window_end': text(minute(end)),
        'sample_posts': [{'uri': f'at://did:plc:a/app.bsky.feed.post/{trend}', 'author_did': 'did:plc:a', 'text': 'a text',
                          'created_at': text(minute(end - 5))}],
        'unique_authors': frequency(end, trend) // 2, 'rank': trend + 1, 'id': f'{trend + 1:016x}', 'kind': 'ongoing', 'language': 'en',
        'z_score': 7.25, 'expected': 2.0, 'started_at': text(minute(0)), 'topic': []}


def snapshot(end):
    """The slide that ends `end` minutes after HOUR."""
    return {
        'window_start': text(minute(end - 10)), 'window_end': text(minute(end)), 'trends': [alert(end, i) for i in range(TRENDS)],
        'ended': [], 'recurring': [], 'posts': 10000 + end, 'active_authors': 5000 + end, 'volume': {'en': 9000, 'ja': 1000},
        'top_keywords': [{'keyword': 'the word', 'language': 'en', 'count': 90, 'unique_authors': 80}], 'warming_up': False}


def activity(start):
    """The five minutes that begin `start` minutes after HOUR."""
    return {'window_start': text(minute(start)), 'window_end': text(minute(start + 5)), 'posts': 700 + start, 'replies': 300,
            'unique_authors': 400 + start, 'by_language': {'en': 600, 'ja': 100 + start}, 'top_keywords': [], 'top_hashtags': []}


def session(author, end, seconds):
    """Of so many seconds, with its last post `end` minutes after HOUR."""
    return {'author_did': f'did:plc:{author}', 'session_start': text(minute(end) - datetime.timedelta(seconds=seconds)),
            'session_end': text(minute(end)), 'posts': 3, 'replies': 1}


def encode(record):
    return json.dumps(record, ensure_ascii=False, separators=(',', ':'))


def hour_of(ends):
    """trends:hourly of the slides that end then, all of one hour."""
    trends = []
    for i in range(TRENDS):
        alerts = [alert(end, i) for end in sorted(ends)]
        trends.append({
            'keyword': f'word{i}', 'language': 'en', 'id': f'{i + 1:016x}', 'started_at': text(minute(0)),
            'first_seen': alerts[0]['window_end'], 'last_seen': alerts[-1]['window_end'], 'best_rank': i + 1,
            'peak_frequency': max(a['frequency'] for a in alerts), 'peak_unique_authors': max(a['unique_authors'] for a in alerts),
            'peak_growth_rate': 3.5, 'peak_confidence_score': 0.75})
    return {'hour': text(HOUR), 'window_end': text(minute(max(ends))), 'trends': trends}
