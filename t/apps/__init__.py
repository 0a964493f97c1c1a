"""Whether clients get what an application answers early: python -m apps runs the campaign, "make apps" all of it.

applications   the application servers, and what they answer; programs/ has the applications
fronts         what stands before them: this module, nginx alone, other people's servers, nothing
client         makes one upload
cells          what is tried with what
report         writes docs/applications.md and docs/applications.json
"""
