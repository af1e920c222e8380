"""The speed of the bot beside bare Bolt, a bare aiohttp handler and a bare aiohttp loop, in one run on one machine.

__main__       `python -m benchmarks`: what is measured, in which order, and the table
machine        which core works for whom, and what machine this is
world          a pretend Slack and CarrierX that do next to nothing, so that what is measured is the bot
commands       really signed `/sms` requests, and how they are sent
conversations  callbacks about texts from phones, and signed replies in threads
process        the bot and its rivals as processes
outbox         what stands in the bot's database
bare_bolt      a Bolt app that only acks
bare_callback  an aiohttp handler that only answers
bare_client    a loop that only posts
"""
