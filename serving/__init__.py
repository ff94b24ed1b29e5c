"""From a request or a night to answers: nightly scores, the HTTP service, the console.

The front door calls ``serving.nightly.score_history`` and ``serving.run.serve``; they are not imported here, so that
``serving.client`` stays light enough for another company's program.
"""
